{#
    Whose every event is: the user's who was logged in; else the device's person, with everything
    that the device did before the login. On a shared device it is whoever logged in last by then,
    and nobody but the device itself before the first login. known_person_id is the answer that
    could have been given at the time, without what only later logins told.
#}
with

events as (

    {{ union_sources('events', {
        'event_id': 'string',
        'event_name': 'string',
        'anonymous_id': 'string',
        'user_id': 'string',
        'user_id_type': 'string',
        'occurred_at': 'timestamp',
        'received_at': 'timestamp',
        'page_path': 'string',
        'page_title': 'string',
        'referrer': 'string',
        'campaign_source': 'string',
        'campaign_medium': 'string',
        'campaign_name': 'string',
        'device_type': 'string',
        'cart_id': 'string',
        'order_id': 'string',
        'product_id': 'string',
        'sku': 'string',
        'product_name': 'string',
        'product_category': 'string',
        'price': 'float',
        'quantity': 'bigint',
        'currency': 'string',
        'revenue': 'float',
    }) }}

),

identities as (

    select * from {{ ref('identities') }}

),

logins as (

    select * from {{ ref('int_devices_logged_in') }}

),

first_logins as (

    select
        anonymous_id,
        min(logged_in_at) as logged_in_at
    from logins
    group by 1

),

shared as (

    select distinct identifier_value as anonymous_id
    from {{ ref('int_identifiers_shared') }}
    where identifier_type = 'anonymous_id'

),

-- What has not happened yet, by a clock that is ahead or by the instant looked at, does not count.
happened as (

    select * from events
    where occurred_at <= {{ as_of() }}

),

recognised as (

    select
        happened.*,
        users.person_id as user_person_id,
        devices.person_id as device_person_id
    from happened
    left join identities as users
        on happened.user_id_type = users.identifier_type
        and {{ normalise_identifier('happened.user_id_type', 'happened.user_id') }}
        = users.identifier_value
    left join identities as devices
        on devices.identifier_type = 'anonymous_id'
        and trim(happened.anonymous_id) = devices.identifier_value

),

moments as (

    select
        recognised.event_id,
        trim(recognised.anonymous_id) as anonymous_id,
        recognised.user_person_id,
        recognised.occurred_at,
        1 as is_event
    from recognised
    inner join shared on trim(recognised.anonymous_id) = shared.anonymous_id

    union all

    select
        cast(null as {{ dbt.type_string() }}) as event_id,
        anonymous_id,
        person_id as user_person_id,
        logged_in_at as occurred_at,
        0 as is_event
    from logins
    where is_shared

),

counted_logins as (

    select
        *,
        sum(case when user_person_id is not null then 1 else 0 end) over (
            partition by anonymous_id
            order by
                occurred_at,
                is_event,
                {{ byte_order("coalesce(event_id, user_person_id)") }}
            rows between unbounded preceding and current row
        ) as login_number
    from moments

),

logged_in as (

    select
        event_id,
        max(user_person_id) over (partition by anonymous_id, login_number) as person_id
    from counted_logins

)

select
    recognised.event_id,
    coalesce(recognised.user_person_id, logged_in.person_id, recognised.device_person_id)
        as person_id,
    coalesce(
        recognised.user_person_id,
        logged_in.person_id,
        case
            when first_logins.logged_in_at <= recognised.occurred_at
                then recognised.device_person_id
        end
    ) as known_person_id,
    coalesce(
        trim(recognised.anonymous_id),
        recognised.user_id_type || ':' || trim(recognised.user_id),
        recognised.event_id
    ) as device_id,
    recognised.source_name,
    recognised.event_name,
    recognised.anonymous_id,
    recognised.user_id,
    recognised.page_path,
    recognised.page_title,
    recognised.referrer,
    recognised.campaign_source,
    recognised.campaign_medium,
    recognised.campaign_name,
    recognised.device_type,
    recognised.cart_id,
    recognised.order_id,
    recognised.product_id,
    recognised.sku,
    recognised.product_name,
    recognised.product_category,
    recognised.price,
    recognised.quantity,
    recognised.currency,
    recognised.revenue,
    recognised.occurred_at,
    recognised.received_at,
    recognised.loaded_at
from recognised
left join logged_in on recognised.event_id = logged_in.event_id
left join first_logins on trim(recognised.anonymous_id) = first_logins.anonymous_id
