{# Every cart: whose it is, when it came to be and when it was last touched. #}
with

events as (

    select * from {{ ref('events') }}

),

checkouts as (

    {{ union_sources('checkouts', {
        'cart_id': 'string',
        'currency': 'string',
        'started_at': 'timestamp',
        'updated_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

touches as (

    select
        cart_id,
        person_id,
        event_id as touch_id,
        currency,
        occurred_at as touched_at
    from events
    where cart_id is not null and event_name <> 'order_completed'

    union all

    select
        checkouts.cart_id,
        person_records.person_id,
        checkouts.source_id as touch_id,
        checkouts.currency,
        coalesce(checkouts.started_at, checkouts.updated_at) as touched_at
    from checkouts
    left join person_records
        on checkouts.source_name = person_records.source_name
        and checkouts.source_id = person_records.source_id
    where
        checkouts.cart_id is not null
        and coalesce(checkouts.started_at, checkouts.updated_at) <= {{ as_of() }}

),

-- The cart is the last known person's who touched it.
owned as (

    select
        *,
        first_value(person_id) over (
            partition by cart_id
            order by
                case when person_id is null then 1 else 0 end,
                touched_at desc,
                {{ byte_order('touch_id') }}
        ) as owner_id
    from touches

)

select
    cart_id,
    max(owner_id) as person_id,
    {{ byte_min('currency') }} as currency,
    min(touched_at) as created_at,
    max(touched_at) as last_activity_at
from owned
group by 1
