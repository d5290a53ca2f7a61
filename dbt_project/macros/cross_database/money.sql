{# Money has four decimals and is never a float. #}
{%- macro money(expression) -%}
    cast({{ expression }} as {{ type_of('money') }})
{%- endmacro -%}
