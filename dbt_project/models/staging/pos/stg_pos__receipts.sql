{{ config(enabled='pos' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_pos', 'receipts') }}

),

renamed as (

    select
        {{ row_origin('pos', 'receipts', ['receipt_id'], none) }},

        ----------  ids
        'pos-' || receipt_id as order_id,
        'pos-' || return_of_receipt_id as returned_order_id,
        store_id,
        loyalty_id,

        ----------  strings
        email,
        phone,
        payment_method,
        {{ normalise_currency('currency') }} as currency,

        ----------  numbers
        {{ try_number('total_amount') }} as total_amount,

        ----------  times
        {{ try_timestamp('sold_at') }} as sold_at
    from landed

)

{{ judged_rows('renamed', {
    'bad_timestamp': 'sold_at is null',
    'bad_number': 'total_amount is null',
    'bad_currency': 'currency is null',
}) }}
