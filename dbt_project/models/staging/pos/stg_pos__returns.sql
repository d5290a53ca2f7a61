{{ config(enabled='pos' in var('sources')) }}

{#
    A line with a negative quantity is a return. The till names the receipt it came from, not the
    line: it is the first line of that receipt that sold the same article.
#}
with

receipts as (

    select * from {{ ref('stg_pos__receipts') }}
    where row_status = 'accepted'

),

receipt_lines as (

    select * from {{ ref('stg_pos__receipt_lines') }}
    where row_status = 'accepted'

),

sold as (

    select
        order_id,
        sku,
        {{ byte_min('order_line_id') }} as order_line_id
    from receipt_lines
    where quantity > 0
    group by 1, 2

)

select
    receipt_lines.source_name,
    receipts.source_id,
    receipt_lines.loaded_at,
    receipt_lines.is_deleted or receipts.is_deleted as is_deleted,
    receipt_lines.row_status,

    ----------  ids
    receipt_lines.order_line_id as return_id,
    coalesce(receipts.returned_order_id, receipts.order_id) as order_id,
    sold.order_line_id,

    ----------  strings
    receipts.currency,

    ----------  numbers
    -receipt_lines.quantity as quantity,
    -receipt_lines.line_amount as amount,

    ----------  times
    receipts.sold_at as returned_at
from receipt_lines
inner join receipts
    on receipt_lines.order_id = receipts.order_id
left join sold
    on
    coalesce(receipts.returned_order_id, receipts.order_id) = sold.order_id
    and receipt_lines.sku = sold.sku
where receipt_lines.quantity < 0
