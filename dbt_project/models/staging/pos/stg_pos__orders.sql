{{ config(enabled='pos' in var('sources')) }}

{# A receipt that gives something back is a return of an earlier order, not an order. #}
with

receipts as (

    select * from {{ ref('stg_pos__receipts') }}
    where row_status = 'accepted' and returned_order_id is null

),

sold as (

    select
        order_id,
        sum(line_amount) as gross_amount
    from {{ ref('stg_pos__receipt_lines') }}
    where row_status = 'accepted' and quantity > 0
    group by 1

)

select
    receipts.source_name,
    receipts.source_id,
    receipts.loaded_at,
    receipts.is_deleted,
    receipts.row_status,

    ----------  ids
    receipts.order_id,
    cast(null as {{ dbt.type_string() }}) as cart_id,

    ----------  strings
    cast('store' as {{ dbt.type_string() }}) as order_channel,
    cast('placed' as {{ dbt.type_string() }}) as status,
    receipts.currency,

    ----------  numbers
    {{ money('coalesce(sold.gross_amount, receipts.total_amount)') }} as gross_amount,
    {{ money('0') }} as discount_amount,

    ----------  times
    receipts.sold_at as ordered_at
from receipts
left join sold
    on receipts.order_id = sold.order_id
