{{ config(enabled='pos' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_pos', 'receipt_lines') }}

),

renamed as (

    select
        {{ row_origin('pos', 'receipt_lines', ['receipt_line_id'], none) }},

        ----------  ids
        'pos-' || receipt_line_id as order_line_id,
        'pos-' || receipt_id as order_id,

        ----------  strings
        sku,
        product_name,

        ----------  numbers
        {{ try_integer('quantity') }} as quantity,
        {{ try_number('unit_price') }} as unit_price,
        {{ money(try_integer('quantity') ~ ' * ' ~ try_number('unit_price')) }} as line_amount
    from landed

)

{{ judged_rows('renamed', {
    'missing_order': 'order_id is null',
    'bad_number': 'quantity is null or unit_price is null',
}) }}
