with deals as (

    select * from {{ ref('deals') }}

),

accounts as (

    select * from {{ ref('accounts') }}

)

select
    deals.deal_id,
    deals.deal_name,
    deals.account_id,
    accounts.account_name,
    deals.owner_id,
    deals.pipeline,
    deals.stage,
    deals.currency,
    deals.amount,
    deals.probability,
    deals.close_date,
    deals.created_at
from deals
left join accounts on deals.account_id = accounts.account_id
where not deals.is_closed
