{#
    Long form of the identifiers on a relation's records: one row per record and identifier.
    identifiers maps each column to the identifier type it holds. arrived_at is when the record
    first came with that value: a later version of it does not make old news new.
#}
{%- macro identifier_rows(relation, identifiers, observed_at='observed_at') -%}
    {%- for column, type in identifiers.items() %}
    {#- A model that is switched off is parsed, never executed: its types may be unknown. -#}
    {%- if execute and type not in var('identifier_types') -%}
        {{ exceptions.raise_compiler_error(
            model.original_file_path ~ ", identifier_rows, " ~ column ~ ": identifier type '" ~ type
            ~ "' is unknown; use " ~ var('identifier_types') | join(', ')
            ~ ", or add it to vars.identifier_types in dbt_project.yml."
        ) }}
    {%- endif %}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    cast('{{ type }}' as {{ dbt.type_string() }}) as identifier_type,
    cast({{ column }} as {{ dbt.type_string() }}) as identifier_value,
    {{ observed_at }} as observed_at,
    arrived_at
from (
    select
        *,
        min(loaded_at) over (partition by source_id, {{ column }}) as arrived_at
    from {{ relation }}
    where row_status <> 'quarantined'
) as versions
where row_status = 'accepted' and {{ column }} is not null
    {{- '\n\nunion all\n' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
