{# The loop below leaves lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{#
    Whose every event is: the user's who was logged in; else the device's person, with everything
    that the device did before the login. On a shared device it is whoever logged in last by then,
    and nobody but the device itself before the first login. known_person_id is the answer that
    could have been given at the time, without what only later logins told.
#}
{% set facts = {
    'event_name': 'string',
    'anonymous_id': 'string',
    'user_id': 'string',
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
    'occurred_at': 'timestamp',
    'received_at': 'timestamp',
} -%}
with

events as (

    {{ union_sources('events', dict(facts, event_id='string', user_id_type='string')) }}

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

{{ shared_device_holders() }}

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
    {%- for fact in facts %}
    recognised.{{ fact }},
    {%- endfor %}
    recognised.loaded_at
from recognised
left join logged_in on recognised.event_id = logged_in.event_id
left join first_logins on trim(recognised.anonymous_id) = first_logins.anonymous_id
{{ rows_together('person_id') }}
