{{ config(enabled='app' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_app', 'screens') }}

),

renamed as (

    select
        {{ row_origin('app', 'screens', ['id'], 'coalesce(uuid_ts, received_at)') }},
        name as screen_name,
        {{ empty_columns(segment_product_columns()) }},
        {{ segment_message(on_a_page=false) }}
    from landed

)

{{ judged_rows('renamed', segment_reasons(), newest_by='received_at') }}
