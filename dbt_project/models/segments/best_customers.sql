with people as (

    select * from {{ ref('people') }}

)

select
    person_id,
    order_count,
    net_revenue,
    last_order_at
from people
where
    order_count >= 3
    and net_revenue >= 500
    and last_order_at >= {{ days_before(as_of(), 365) }}
