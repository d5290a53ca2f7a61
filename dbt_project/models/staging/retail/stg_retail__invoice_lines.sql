{{ config(enabled='retail' in var('sources')) }}

{%- set quantity = try_integer(adapter.quote('Quantity')) %}
{%- set unit_price = try_number(adapter.quote('Price')) %}

with

landed as (

    select * from {{ source('raw_retail', 'invoice_lines') }}

),

renamed as (

    select
        {{ row_origin('retail', 'invoice_lines', ['_file', '_row'], none) }},

        ----------  ids
        {{ adapter.quote('Invoice') }} as invoice_id,
        {{ replace_pattern(adapter.quote('Customer ID'), '[.]0+$', '') }} as retail_customer_id,
        {{ adapter.quote('StockCode') }} as sku,

        ----------  strings
        {{ adapter.quote('Description') }} as product_name,
        {{ normalise_country(adapter.quote('Country')) }} as country,

        ----------  numbers
        {{ quantity }} as quantity,
        {{ unit_price }} as unit_price,
        {{ money(quantity ~ ' * ' ~ unit_price) }} as line_amount,

        ----------  booleans
        coalesce({{ adapter.quote('Invoice') }} like 'C%', false) as is_credit_note,

        ----------  times
        {{ try_timestamp(adapter.quote('InvoiceDate')) }} as invoiced_at
    from landed

)

{{ judged_rows('renamed', {
    'missing_order': 'invoice_id is null',
    'bad_timestamp': 'invoiced_at is null',
    'bad_number': 'quantity is null or unit_price is null',
    'no_price': 'unit_price = 0',
    'adjustment': 'unit_price < 0',
    'credit_without_return': 'is_credit_note and quantity >= 0',
    'return_without_credit': 'not is_credit_note and quantity <= 0',
}) }}
