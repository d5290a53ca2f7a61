{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'abandoned_checkout') }}

),

renamed as (

    select
        {{ row_origin('shop', 'abandoned_checkout', ['id'], '_fivetran_synced') }},

        ----------  ids
        'shop-' || id as checkout_id,
        cart_token as cart_id,
        customer_id,

        ----------  strings
        email,
        phone,
        {{ normalise_currency('currency') }} as currency,

        ----------  numbers
        {{ try_number('total_price') }} as total_amount,

        ----------  times
        {{ try_timestamp('created_at') }} as started_at,
        {{ try_timestamp('updated_at') }} as updated_at,
        {{ try_timestamp('closed_at') }} as completed_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'started_at is null'}, newest_by='updated_at') }}
