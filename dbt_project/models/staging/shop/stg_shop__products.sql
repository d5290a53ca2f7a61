{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'product') }}

),

renamed as (

    select
        {{ row_origin('shop', 'product', ['id'], '_fivetran_synced') }},

        ----------  ids
        id as product_id,

        ----------  strings
        title as product_name,
        product_type as product_category,
        vendor,
        status,

        ----------  times
        {{ try_timestamp('created_at') }} as created_at
    from landed

)

{{ judged_rows('renamed') }}
