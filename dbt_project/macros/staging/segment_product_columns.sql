{# The columns of a Segment e-commerce event that a page view or a screen does not have. #}
{%- macro segment_product_columns() -%}
    {{ return({
        'order_id': 'string', 'cart_id': 'string', 'product_id': 'string', 'sku': 'string',
        'product_name': 'string', 'product_category': 'string', 'currency': 'string',
        'price': 'float', 'revenue': 'float', 'quantity': 'bigint',
    }) }}
{%- endmacro -%}
