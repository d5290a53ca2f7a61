{#
    Long form of a wide relation: one row per attribute that has a value. attributes maps the
    attribute's name to its column; is_verified maps a name to the expression that says so.
#}
{%- macro attribute_rows(relation, attributes, observed_at='observed_at', is_verified={}) -%}
    {%- for name, column in attributes.items() %}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    cast('{{ name }}' as {{ dbt.type_string() }}) as attribute_name,
    {{ column }} as attribute_value,
    {{ observed_at }} as observed_at,
    {{ is_verified.get(name, 'false') }} as is_verified
from {{ relation }}
where row_status = 'accepted' and {{ column }} is not null
    {{- '\n\nunion all\n' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
