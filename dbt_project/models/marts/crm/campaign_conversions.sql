with

email_events as (

    select * from {{ ref('email_events') }}

),

members as (

    select * from {{ ref('campaign_members') }}

),

orders as (

    select * from {{ ref('orders') }}
    where status = 'placed'

),

answers as (

    select
        campaign_id,
        person_id,
        occurred_at as answered_at
    from email_events
    where event_type = 'clicked'

    union all

    select
        campaign_id,
        person_id,
        responded_at as answered_at
    from members
    where has_responded

)

-- However often somebody clicked, an order is one conversion of the campaign.
select
    answers.campaign_id,
    orders.order_id,
    answers.person_id,
    {{ money('orders.net_revenue') }} as net_revenue,
    min(answers.answered_at) as answered_at,
    orders.ordered_at
from answers
inner join orders
    on answers.person_id = orders.person_id
    and answers.answered_at <= orders.ordered_at
    and orders.ordered_at < {{ add_seconds(
        'answers.answered_at', 86400 * var('campaign_conversion_days')
    ) }}
group by 1, 2, 3, 4, 6
