{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'order_line') }}

),

renamed as (

    select
        {{ row_origin('shop', 'order_line', ['id'], '_fivetran_synced') }},

        ----------  ids
        'shop-' || id as order_line_id,
        'shop-' || order_id as order_id,
        product_id,
        variant_id,

        ----------  strings
        sku,
        title as product_name,

        ----------  numbers
        {{ try_integer('quantity') }} as quantity,
        {{ try_number('price') }} as unit_price,
        coalesce({{ try_number('total_discount') }}, 0) as discount_amount,
        {{ money(try_integer('quantity') ~ ' * ' ~ try_number('price')) }}
        - coalesce({{ try_number('total_discount') }}, 0) as line_amount
    from landed

)

{{ judged_rows('renamed', {
    'missing_order': 'order_id is null',
    'bad_number': 'quantity is null or unit_price is null',
}) }}
