{# Typed nulls for columns that a relation does not have, from name to type. #}
{%- macro empty_columns(columns) -%}
    {%- for name, type in columns.items() -%}
        cast(null as {{ type_of(type) }}) as {{ name }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro -%}
