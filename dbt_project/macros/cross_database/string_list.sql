{# An aggregate: the values joined by ', ', ordered by bytes unless told otherwise. #}
{%- macro string_list(expression, order=none) -%}
    {{ return(adapter.dispatch('string_list', 'seamline')(expression, order or byte_order(expression))) }}
{%- endmacro -%}

{%- macro default__string_list(expression, order) -%}
    string_agg({{ expression }}, ', ' order by {{ order }})
{%- endmacro -%}

{%- macro spark__string_list(expression, order) -%}
    array_join(transform(array_sort(collect_list(struct({{ order }}, {{ expression }} as item))), x -> x.item), ', ')
{%- endmacro -%}

{%- macro snowflake__string_list(expression, order) -%}
    listagg({{ expression }}, ', ') within group (order by {{ order }})
{%- endmacro -%}
