with deals as (

    select * from {{ ref('deals') }}

),

tickets as (

    select * from {{ ref('tickets') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

unresolved as (

    select
        person_id,
        count(*) as open_ticket_count,
        min(created_at) as oldest_ticket_at
    from tickets
    where
        is_open
        and person_id is not null
    group by 1

),

-- A complaint by anybody at the account endangers the deal, not only by the contact named in it.
concerned as (

    select
        deals.person_id,
        deals.deal_id
    from deals
    where not deals.is_closed

    union

    select
        contacts.person_id,
        deals.deal_id
    from deals
    inner join contacts on deals.account_id = contacts.account_id
    where not deals.is_closed

),

ranked as (

    select
        unresolved.*,
        deals.deal_id,
        deals.deal_name,
        deals.stage as deal_stage,
        deals.amount as deal_amount,
        deals.currency,
        deals.close_date,
        row_number() over (
            partition by unresolved.person_id
            order by deals.amount desc nulls last, {{ byte_order('deals.deal_id') }} asc
        ) as weight
    from unresolved
    inner join concerned on unresolved.person_id = concerned.person_id
    inner join deals on concerned.deal_id = deals.deal_id

)

select
    person_id,
    deal_id,
    deal_name,
    deal_stage,
    open_ticket_count,
    deal_amount,
    currency,
    close_date,
    oldest_ticket_at
from ranked
where weight = 1
