{{ config(enabled='web' in var('sources')) }}

{%- set known_events = [
    'product_viewed', 'product_added', 'product_removed', 'checkout_started', 'order_completed'
] %}

with

landed as (

    select * from {{ source('raw_web', 'tracks') }}

),

renamed as (

    select
        {{ row_origin('web', 'tracks', ['id'], 'coalesce(uuid_ts, received_at)') }},
        event as event_name,
        event_text as event_label,
        {{ segment_message() }}
    from landed

)

{{ judged_rows('renamed', dict(segment_reasons(), **{
    'unknown_event': "coalesce(event_name, '') not in ('" ~ known_events | join("', '") ~ "')",
}), newest_by='received_at') }}
