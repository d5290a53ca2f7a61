{{ config(enabled='retail' in var('sources')) }}

{# Lines of one invoice: a sale, or a credit note (its number begins with C) that takes back. #}
with

invoice_lines as (

    select * from {{ ref('stg_retail__invoice_lines') }}
    where row_status = 'accepted'

)

select
    source_name,
    'invoice/' || invoice_id as source_id,
    max(loaded_at) as loaded_at,
    is_deleted,
    row_status,
    invoice_id,
    max(retail_customer_id) as retail_customer_id,
    max(country) as country,
    is_credit_note,
    sum(line_amount) as line_amount,
    min(invoiced_at) as invoiced_at
from invoice_lines
group by 1, 2, 4, 5, 6, 9
