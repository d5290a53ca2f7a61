{{ config(enabled='retail' in var('sources')) }}

{# A credit note does not say which invoice it takes back from. #}
with

invoice_lines as (

    select * from {{ ref('stg_retail__invoice_lines') }}
    where row_status = 'accepted' and is_credit_note

)

select
    source_name,
    'invoice/' || invoice_id as source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    'retail-' || source_id as return_id,
    cast(null as {{ dbt.type_string() }}) as order_id,
    cast(null as {{ dbt.type_string() }}) as order_line_id,

    ----------  strings
    cast('GBP' as {{ dbt.type_string() }}) as currency,

    ----------  numbers
    -quantity as quantity,
    -line_amount as amount,

    ----------  times
    invoiced_at as returned_at
from invoice_lines
