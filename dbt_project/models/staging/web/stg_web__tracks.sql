{{ config(enabled='web' in var('sources')) }}

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
    'unknown_event': "event_name is null or event_name not in ('product_viewed', 'product_added', 'product_removed', 'checkout_started', 'order_completed')",
}), newest_by='received_at') }}
