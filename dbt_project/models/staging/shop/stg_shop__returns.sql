{{ config(enabled='shop' in var('sources')) }}

{# A return is one refunded line: the refund says when, the order in which currency. #}
with

line_refunds as (

    select * from {{ ref('stg_shop__order_line_refunds') }}
    where row_status = 'accepted'

),

refunds as (

    select * from {{ ref('stg_shop__refunds') }}
    where row_status = 'accepted'

),

orders as (

    select * from {{ ref('stg_shop__orders') }}
    where row_status = 'accepted'

)

select
    line_refunds.source_name,
    line_refunds.source_id,
    line_refunds.loaded_at,
    line_refunds.is_deleted or refunds.is_deleted or orders.is_deleted as is_deleted,
    line_refunds.row_status,

    ----------  ids
    line_refunds.return_id,
    refunds.order_id,
    line_refunds.order_line_id,

    ----------  strings
    orders.currency,

    ----------  numbers
    line_refunds.quantity,
    line_refunds.amount,

    ----------  times
    refunds.returned_at
from line_refunds
inner join refunds
    on line_refunds.refund_id = refunds.refund_id
inner join orders
    on refunds.order_id = orders.order_id
