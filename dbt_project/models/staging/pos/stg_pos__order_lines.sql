{{ config(enabled='pos' in var('sources')) }}

with

receipt_lines as (

    select * from {{ ref('stg_pos__receipt_lines') }}
    where row_status = 'accepted' and quantity > 0

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    order_line_id,
    order_id,
    cast(null as {{ dbt.type_string() }}) as product_id,

    ----------  strings
    sku,
    product_name,

    ----------  numbers
    quantity,
    unit_price,
    line_amount
from receipt_lines
