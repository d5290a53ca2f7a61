{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select
        orders.*,
        orders.source_name as sales_channel,
        -- By a name, because what reads a phone repeats it many times.
        {{ normalise_country('shipping_address_country_code') }} as country_code
    from {{ source('raw_shop', 'order') }} as orders

),

renamed as (

    select
        {{ row_origin('shop', 'order', ['id'], '_fivetran_synced', '_fivetran_deleted') }},

        ----------  ids
        'shop-' || id as order_id,
        customer_id,
        cart_token as cart_id,
        checkout_token as checkout_id,

        ----------  strings
        name as order_name,
        case when sales_channel = 'pos' then 'store' else 'online' end as order_channel,
        case when cancelled_at is null then 'placed' else 'cancelled' end as status,
        financial_status,
        {{ normalise_currency('currency') }} as currency,
        email,
        {{ international_phone('billing_address_phone', 'country_code') }} as phone,
        shipping_address_city as city,
        country_code as country,
        landing_site_base_url as landing_page_path,

        ----------  numbers
        -- Shopify's subtotal is what the goods cost after discounts.
        {{ try_number('subtotal_price') }} as gross_amount,
        coalesce({{ try_number('total_discounts') }}, 0) as discount_amount,
        {{ try_number('total_tax') }} as tax_amount,
        {{ try_number('total_price') }} as total_amount,

        ----------  booleans
        coalesce({{ try_boolean('test') }}, false) as is_test,

        ----------  times
        coalesce(
            {{ try_timestamp('processed_at') }},
            {{ try_timestamp('created_at') }}
        ) as ordered_at,
        {{ try_timestamp('cancelled_at') }} as cancelled_at,
        {{ try_timestamp('updated_at') }} as updated_at
    from landed

)

{{ judged_rows('renamed', {
    'bad_timestamp': 'ordered_at is null',
    'bad_number': 'gross_amount is null',
    'bad_currency': 'currency is null',
    'test_order': 'is_test',
}, newest_by='updated_at') }}
