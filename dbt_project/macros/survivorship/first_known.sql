{# How one field of several records survives: the first value that is known, in the order given. #}
{%- macro first_known(column, partition_by, order_by) -%}
    first_value({{ column }}) over (
        partition by {{ partition_by }}
        order by case when {{ column }} is null then 1 else 0 end, {{ order_by }}
    )
{%- endmacro -%}
