with

people as (

    select * from {{ ref('people') }}

),

households as (

    select * from {{ ref('household_members') }}

)

select
    households.household_id,
    count(*) as member_count,
    cast(sum(people.order_count) as {{ dbt.type_bigint() }}) as order_count,
    {{ money('sum(people.net_revenue)') }} as net_revenue,
    min(people.first_order_at) as first_order_at,
    max(people.last_order_at) as last_order_at
from households
inner join people on households.person_id = people.person_id
group by 1
