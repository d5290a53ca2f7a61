{{ config(enabled='web' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_web', 'product_removed') }}

),

renamed as (

    select
        {{ row_origin('web', 'product_removed', ['id'], 'coalesce(uuid_ts, received_at)') }},
        'shop-' || order_id as order_id,
        cart_id,
        product_id,
        sku,
        name as product_name,
        category as product_category,
        {{ normalise_currency('currency') }} as currency,
        cast({{ try_number('price') }} as {{ type_of('float') }}) as price,
        cast({{ try_number('revenue') }} as {{ type_of('float') }}) as revenue,
        {{ try_integer('quantity') }} as quantity,
        {{ any_unreadable(numbers=['price', 'revenue'], integers=['quantity']) }} as has_bad_number,
        {{ segment_message() }}
    from landed

)

{{ judged_rows('renamed', dict(segment_reasons(), **{
    'bad_number': 'has_bad_number',
}), newest_by='received_at') }}
