{{ config(enabled='web' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_web', 'order_completed') }}

),

renamed as (

    select
        {{ row_origin('web', 'order_completed', ['id'], 'coalesce(uuid_ts, received_at)') }},
        {{ segment_commerce() }},
        {{ segment_message() }}
    from landed

)

{{ judged_rows('renamed', segment_commerce_reasons(), newest_by='received_at') }}
