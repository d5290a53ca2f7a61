{{ config(enabled='retail' in var('sources')) }}

with

invoices as (

    select * from {{ ref('stg_retail__invoices') }}
    where retail_customer_id is not null

)

{{ attribute_rows('invoices', {
    'country': 'country',
}, observed_at='invoiced_at') }}
