{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'order_line_refund') }}

),

renamed as (

    select
        {{ row_origin('shop', 'order_line_refund', ['id'], '_fivetran_synced') }},

        ----------  ids
        'shop-' || id as return_id,
        refund_id,
        'shop-' || order_line_id as order_line_id,

        ----------  numbers
        {{ try_integer('quantity') }} as quantity,
        {{ try_number('subtotal') }} as amount
    from landed

)

{{ judged_rows('renamed', {
    'missing_refund': 'refund_id is null',
    'bad_number': 'quantity is null or amount is null',
}) }}
