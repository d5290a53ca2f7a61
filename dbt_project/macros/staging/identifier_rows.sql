{#
    Long form of the identifiers on a relation's records: one row per record and identifier.
    identifiers maps each column to the identifier type it holds.
#}
{%- macro identifier_rows(relation, identifiers, observed_at='observed_at') -%}
    {%- for column, type in identifiers.items() %}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    cast('{{ type }}' as {{ dbt.type_string() }}) as identifier_type,
    cast({{ column }} as {{ dbt.type_string() }}) as identifier_value,
    {{ observed_at }} as observed_at
from {{ relation }}
where row_status = 'accepted' and {{ column }} is not null
    {{- '\n\nunion all\n' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
