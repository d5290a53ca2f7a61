{{ config(enabled='enrichment' in var('sources')) }}

{% for field in var('survivorship') -%}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    identifier_type,
    identifier_value,
    cast('{{ field }}' as {{ dbt.type_string() }}) as attribute_name,
    {{ field }} as attribute_value,
    observed_at
from {{ ref('stg_enrichment__rows') }}
where row_status = 'accepted' and {{ field }} is not null
{{ 'union all' if not loop.last }}
{% endfor %}
