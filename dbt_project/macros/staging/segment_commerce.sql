{# What every Segment e-commerce event says of the product and the order (Segment's e-commerce
   specification); `segment_product_columns` names the same columns where a message has none. #}
{%- macro segment_commerce() -%}
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
        {{ any_unreadable(numbers=['price', 'revenue'], integers=['quantity']) }} as has_bad_number
{%- endmacro -%}
