{{ config(enabled='retail' in var('sources')) }}

with

invoice_lines as (

    select * from {{ ref('stg_retail__invoice_lines') }}
    where row_status = 'accepted' and not is_credit_note

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    'retail-' || source_id as order_line_id,
    'retail-' || invoice_id as order_id,
    sku as product_id,

    ----------  strings
    sku,
    product_name,

    ----------  numbers
    quantity,
    unit_price,
    line_amount
from invoice_lines
