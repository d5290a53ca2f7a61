{{ config(enabled='enrichment' in var('sources')) }}

{% set enrichments = var('enrichments') -%}
{%- if 'enrichment' in var('sources') and not enrichments -%}
    {{ exceptions.raise_compiler_error(
        "dbt_project.yml, vars.enrichments: is empty; say which table of raw_enrichment has which "
        ~ "fields, or take enrichment out of vars.sources."
    ) }}
{%- endif -%}
with renamed as (

    {% for table, about in enrichments.items() -%}
    select
        {{ row_origin('enrichment', table, [md5_of("nullif(trim(" ~ about.identifier ~ "), '')")], none) }},
        cast('{{ about.identifier_type }}' as {{ dbt.type_string() }}) as identifier_type,
        {{ normalise_identifier("'" ~ about.identifier_type ~ "'", about.identifier) }}
            as identifier_value,
        {%- for field in var('survivorship') %}
        cast({{ 'nullif(trim(' ~ about.fields[field] ~ "), '')" if field in about.fields else 'null' }}
            as {{ dbt.type_string() }}) as {{ field }},
        {%- endfor %}
        {{ try_timestamp(about.observed_at) if about.observed_at else '_loaded_at' }} as observed_at
    from {{ source('raw_enrichment', table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

-- The newest landing of what is said of an identifier is the one that holds.
{{ judged_rows('renamed', {
    'bad_identifier': 'identifier_value is null',
    'bad_timestamp': 'observed_at is null',
}, newest_by='observed_at') }}
