with people as (

    select * from {{ ref('people') }}

)

-- Bought often enough to have a rhythm, spent much, and fell silent for longer than a season.
-- Those silent for a year and a half are lost rather than at risk.
select
    person_id,
    order_count,
    net_revenue,
    last_order_at
from people
where
    order_count >= 2
    and net_revenue >= 300
    and last_order_at < {{ days_before(as_of(), 60) }}
    and last_order_at >= {{ days_before(as_of(), 540) }}
