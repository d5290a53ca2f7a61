{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'customer_address') }}

),

renamed as (

    select
        {{ row_origin('shop', 'customer_address', ['id'], '_fivetran_synced') }},

        ----------  ids
        id as customer_address_id,
        customer_id,

        ----------  strings
        city,
        province_code as province,
        {{ normalise_country('country_code') }} as country,
        zip as postal_code,

        ----------  booleans
        coalesce({{ try_boolean('is_default') }}, false) as is_default
    from landed

)

{{ judged_rows('renamed') }}
