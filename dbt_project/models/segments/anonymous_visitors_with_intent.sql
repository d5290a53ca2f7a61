with events as (

    select * from {{ ref('events') }}

),

people as (

    select * from {{ ref('people') }}

),

interest as (

    select
        person_id,
        sum(case when event_name = 'product_viewed' then 1 else 0 end) as product_view_count,
        sum(case when event_name in ('product_added', 'checkout_started') then 1 else 0 end)
            as cart_step_count,
        min(occurred_at) as first_interest_at,
        max(occurred_at) as last_interest_at
    from events
    where
        event_name in ('product_viewed', 'product_added', 'checkout_started')
        and occurred_at between {{ days_before(as_of(), 14) }} and {{ as_of() }}
    group by 1

)

select
    people.person_id,
    cast(interest.product_view_count as {{ dbt.type_bigint() }}) as product_view_count,
    cast(interest.cart_step_count as {{ dbt.type_bigint() }}) as cart_step_count,
    interest.first_interest_at,
    interest.last_interest_at
from people
inner join interest on people.person_id = interest.person_id
where
    people.is_anonymous
    and (interest.product_view_count >= 3 or interest.cart_step_count >= 1)
