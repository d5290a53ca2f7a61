{{ config(enabled='retail' in var('sources')) }}

with

invoices as (

    select * from {{ ref('stg_retail__invoices') }}

)

{{ identifier_rows('invoices', {
    'retail_customer_id': 'retail_customer_id',
}, observed_at='invoiced_at') }}
