{# What identifiers, events and orders add up to for each person. #}
with

identities as (

    select * from {{ ref('identities') }}

),

events as (

    select * from {{ ref('events') }}

),

bought as (

    select * from {{ ref('int_purchases_counted') }}

),

identified as (

    select
        person_id,
        count(*) as identifier_count,
        max(case when identifier_type = 'anonymous_id' then 0 else 1 end) as is_known,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from identities
    group by 1

),

active as (

    select
        person_id,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at
    from events
    where person_id is not null
    group by 1

)

select
    identified.person_id,
    identified.identifier_count,
    identified.is_known = 0 as is_anonymous,
    coalesce(bought.order_count, 0) as order_count,
    coalesce(bought.net_revenue, 0) as net_revenue,
    least(
        coalesce(identified.first_seen_at, active.first_seen_at, bought.first_order_at),
        coalesce(active.first_seen_at, identified.first_seen_at, bought.first_order_at),
        coalesce(bought.first_order_at, identified.first_seen_at, active.first_seen_at)
    ) as first_seen_at,
    greatest(
        coalesce(identified.last_seen_at, active.last_seen_at, bought.last_order_at),
        coalesce(active.last_seen_at, identified.last_seen_at, bought.last_order_at),
        coalesce(bought.last_order_at, identified.last_seen_at, active.last_seen_at)
    ) as last_seen_at,
    bought.first_order_at,
    bought.last_order_at
from identified
left join active on identified.person_id = active.person_id
left join bought on identified.person_id = bought.person_id
