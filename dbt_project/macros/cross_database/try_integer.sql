{# bigint from text, null where it is none; 13085.0 is what loaders make of a nullable integer. #}
{%- macro try_integer(expression) -%}
    case
        when {{ matches_pattern(expression, '^[+-]?\d{1,18}([.]0*)?$') }}
            then cast({{ replace_pattern(expression, '[.]0*$', '') }} as {{ dbt.type_bigint() }})
    end
{%- endmacro -%}
