{{ config(enabled='retail' in var('sources')) }}

with

invoices as (

    select * from {{ ref('stg_retail__invoices') }}
    where not is_credit_note

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    'retail-' || invoice_id as order_id,
    cast(null as {{ dbt.type_string() }}) as cart_id,

    ----------  strings
    cast('online' as {{ dbt.type_string() }}) as order_channel,
    cast('placed' as {{ dbt.type_string() }}) as status,
    cast('GBP' as {{ dbt.type_string() }}) as currency,

    ----------  numbers
    {{ money('line_amount') }} as gross_amount,
    {{ money('0') }} as discount_amount,

    ----------  times
    invoiced_at as ordered_at
from invoices
