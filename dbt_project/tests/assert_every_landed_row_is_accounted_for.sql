{# The loops leave lines whose indent the linter cannot follow. #}
-- noqa: disable=LT02
{# Counted in the raw tables themselves: what landed is accepted, quarantined or a duplicate. #}
{%- set stagings = [] %}
{%- if execute %}
{%- for source_name, table in raw_shaped_tables() %}
{%- set staging = graph.nodes['model.seamline.stg_' ~ source_name ~ '__' ~ table] %}
{%- for parent in staging.depends_on.nodes if parent.startswith('source.') %}
{%- do stagings.append(graph.sources[parent]) %}
{%- endfor %}
{%- endfor %}
{%- endif %}

with

counts as (

    select * from {{ ref('landing_counts') }}

),

landed as (

    select
        cast(null as {{ dbt.type_string() }}) as source_name,
        cast(null as {{ dbt.type_string() }}) as source_table,
        0 as row_count
    where 1 = 0
    {%- for raw in stagings %}

    union all

    select
        '{{ raw.source_name | replace("raw_", "", 1) }}' as source_name,
        '{{ raw.identifier }}' as source_table,
        count(*) as row_count
    from {{ raw.relation_name }}
    {%- endfor %}

)

select
    landed.source_name,
    landed.source_table,
    landed.row_count,
    counts.landed,
    counts.accepted,
    counts.quarantined,
    counts.duplicates
from landed
left join counts
    on landed.source_name = counts.source_name
    and landed.source_table = counts.source_table
where
    landed.row_count <> coalesce(counts.landed, 0)
    or landed.row_count <> coalesce(counts.accepted + counts.quarantined + counts.duplicates, 0)
