{# A float quotient on every engine; null where the divisor is zero. #}
{%- macro divide(dividend, divisor) -%}
    (cast({{ dividend }} as {{ type_double() }}) / nullif(cast({{ divisor }} as {{ type_double() }}), 0))
{%- endmacro -%}
