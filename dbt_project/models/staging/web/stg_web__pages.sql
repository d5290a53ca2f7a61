{{ config(enabled='web' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_web', 'pages') }}

),

renamed as (

    select
        {{ row_origin('web', 'pages', ['id'], 'coalesce(uuid_ts, received_at)') }},
        {{ empty_columns(segment_product_columns()) }},
        {{ segment_message() }}
    from landed

)

{{ judged_rows('renamed', segment_reasons(), newest_by='received_at') }}
