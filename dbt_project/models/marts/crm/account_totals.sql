-- noqa: disable=layout.indent
{# Every account, and as (none) what belongs to none: the columns add up to their sources. #}
with

people as (

    select
        people.person_id,
        people.order_count,
        people.net_revenue,
        contacts.person_id as contact_id,
        coalesce(contacts.account_id, '(none)') as account_id
    from {{ ref('people') }} as people
    left join {{ ref('contacts') }} as contacts on people.person_id = contacts.person_id

),

movements as (

    select
        account_id,
        'contact_count' as measure,
        0 as amount
    from {{ ref('accounts') }}

    union all

    select
        account_id,
        'contact_count' as measure,
        case when contact_id is null then 0 else 1 end as amount
    from people

    union all

    select
        account_id,
        'order_count' as measure,
        order_count as amount
    from people

    union all

    select
        account_id,
        'net_revenue' as measure,
        net_revenue as amount
    from people

    union all

    select
        coalesce(people.account_id, '(none)') as account_id,
        'ticket_count' as measure,
        1 as amount
    from {{ ref('tickets') }} as tickets
    left join people on tickets.person_id = people.person_id

    union all

    select
        coalesce(account_id, '(none)') as account_id,
        'open_deal_count' as measure,
        1 as amount
    from {{ ref('deals') }}
    where not is_closed

    union all

    select
        coalesce(account_id, '(none)') as account_id,
        case when is_won then 'won_amount' else 'open_amount' end as measure,
        coalesce(amount_reporting, 0) as amount
    from {{ ref('deals') }}
    where is_won or not is_closed

)

select
    account_id,
    {%- for count in ['contact_count', 'order_count', 'ticket_count', 'open_deal_count'] %}
    cast(sum(case when measure = '{{ count }}' then amount else 0 end) as {{ dbt.type_bigint() }})
        as {{ count }},
    {%- endfor %}
    {%- for sum in ['net_revenue', 'open_amount', 'won_amount'] %}
    {{ money("sum(case when measure = '" ~ sum ~ "' then amount else 0 end)") }} as {{ sum }}
        {{- ',' if not loop.last }}
    {%- endfor %}
from movements
group by 1
