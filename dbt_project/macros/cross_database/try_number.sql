{# numeric(18, 4) from text, null where it is none. #}
{%- macro try_number(expression) -%}
    case
        when {{ matches_pattern(expression, '^[+-]?\d{1,14}([.]\d*)?([eE]-\d{1,2})?$') }}
            then cast({{ expression }} as {{ type_of('money') }})
    end
{%- endmacro -%}
