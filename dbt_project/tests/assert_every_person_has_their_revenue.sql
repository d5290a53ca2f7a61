{# What people are worth together is what orders with a person earned, less the returns that name
   no order. #}
with

revenue as (

    select net_revenue as amount from {{ ref('people') }}

    union all

    select -net_revenue as amount
    from {{ ref('orders') }}
    where person_id is not null and status = 'placed'

    union all

    select amount_reporting as amount
    from {{ ref('returns') }}
    where person_id is not null and order_id is null

)

select sum(amount) as amount_apart
from revenue
having sum(amount) <> 0
