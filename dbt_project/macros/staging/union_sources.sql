{#
    One conformed entity from every enabled source that brings it: accepted rows that known_at knows.
    This is the one place where a source's deletes leave everything downstream. columns maps name
    to type (string, timestamp, date, float, bigint, boolean, money). source_name, source_id and
    loaded_at always come along. every_version adds what newer versions of the same record
    superseded. With no source left, the relation is empty and typed.
#}
{%- macro union_sources(entity, columns, every_version=false) -%}
    {%- set statuses = "in ('accepted', 'duplicate')" if every_version else "= 'accepted'" -%}
    {%- set all_columns = {'source_name': 'string', 'source_id': 'string', 'loaded_at': 'timestamp'} -%}
    {%- do all_columns.update(columns) -%}
    {%- set sources = sources_with(entity) -%}
    {%- for source_name in sources %}
select
    {%- for name, type in all_columns.items() %}
    cast({{ name }} as {{ type_of(type) }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('stg_' ~ source_name ~ '__' ~ entity) }}
where row_status {{ statuses }} and not is_deleted and loaded_at <= {{ known_at() }}
    {{- '\n\nunion all\n' if not loop.last }}
    {%- endfor %}
    {%- if not sources %}
select
    {%- for name, type in all_columns.items() %}
    cast(null as {{ type_of(type) }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
where 1 = 0
    {%- endif %}
{%- endmacro -%}
