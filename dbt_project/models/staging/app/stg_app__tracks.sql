{{ config(enabled='app' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_app', 'tracks') }}

),

renamed as (

    select
        {{ row_origin('app', 'tracks', ['id'], 'coalesce(uuid_ts, received_at)') }},
        event as event_name,
        event_text as event_label,
        {{ segment_message(on_a_page=false) }}
    from landed

)

{{ judged_rows('renamed', dict(segment_reasons(), **{
    'unknown_event': "coalesce(event_name, '') not in ('product_viewed', 'product_added')",
}), newest_by='received_at') }}
