{{ config(enabled='app' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_app', 'product_added') }}

),

renamed as (

    select
        {{ row_origin('app', 'product_added', ['id'], 'coalesce(uuid_ts, received_at)') }},
        {{ segment_commerce() }},
        {{ segment_message(on_a_page=false) }}
    from landed

)

{{ judged_rows('renamed', segment_commerce_reasons(), newest_by='received_at') }}
