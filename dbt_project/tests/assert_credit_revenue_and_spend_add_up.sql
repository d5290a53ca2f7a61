{# Under every model of attribution an order's credit is 1 and its revenue is given away to the last
   digit, and campaigns together have what was spent and credited; so have customers. #}
with

orders as (

    select
        order_id,
        coalesce(net_revenue, 0) as net_revenue
    from {{ ref('orders') }}
    where status = 'placed'

),

attribution as (

    select * from {{ ref('attribution') }}

),

models as (

    select distinct model
    from attribution

),

given as (

    select
        model,
        order_id,
        sum(credit) as credit,
        sum(coalesce(revenue, 0)) as revenue
    from attribution
    group by 1, 2

),

-- What there is, counted as plus, and where it went, counted as minus.
movements as (

    select
        models.model || ': credit of ' || orders.order_id as subject,
        1 - coalesce(given.credit, 0) as amount
    from orders
    cross join models
    left join given on orders.order_id = given.order_id and models.model = given.model

    union all

    select
        models.model || ': revenue of ' || orders.order_id as subject,
        orders.net_revenue - coalesce(given.revenue, 0) as amount
    from orders
    cross join models
    left join given on orders.order_id = given.order_id and models.model = given.model

    union all

    select
        models.model || ': spend' as subject,
        spend.spend_reporting as amount
    from {{ ref('campaign_spend') }} as spend
    cross join models

    union all

    select
        model || ': spend' as subject,
        -spend as amount
    from {{ ref('campaign_returns') }}

    union all

    select
        model || ': revenue' as subject,
        coalesce(revenue, 0) as amount
    from attribution

    union all

    select
        model || ': revenue' as subject,
        -coalesce(revenue, 0) as amount
    from {{ ref('campaign_returns') }}

    union all

    select
        'value of customers' as subject,
        historic_value as amount
    from {{ ref('lifetime_values') }}

    union all

    select
        'value of customers' as subject,
        -net_revenue as amount
    from {{ ref('people') }}

)

select
    subject,
    sum(amount) as amount_apart
from movements
group by 1
having sum(amount) <> 0
