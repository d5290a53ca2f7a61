{#
  Who hears nothing of an audience though its segment has them: (audience, person_id), each once.

  They are in a segment that it says to `exclude`; or in one on the same channel whose `priority`
  is the lower number, which comes first; or in its experiment's control group; or, where the
  purpose is promotional (project var promotional_purposes), they wait for help with something
  severe. It reads the CTE `people`, and names no segment's own members, so that a preview of
  another version of the segment can ask the same.
#}
{% macro audience_exclusions(segments) %}
{#- Of the tickets themselves: what fails in other traits is no reason to hold an audience back. -#}
{%- set tickets = ref('tickets') -%}
{%- set here = segments | map(attribute='name') | list -%}
{%- for segment in segments %}
    {%- set meta = segment.config.meta.segment %}
    {%- set audience = "'" ~ segment.name ~ "' as audience" %}
    {%- for other in segments_for() %}
        {%- set rival = other.config.meta.segment %}
        {%- set comes_first = other.name in here and meta.priority and rival.priority
            and rival.priority < meta.priority %}
        {%- if comes_first or other.name in meta.get('exclude', []) %}
    select {{ audience }}, person_id
    from {{ segment_relation(other) }}
    where {{ as_of() }} < cast('{{ rival.expires_on }}' as {{ dbt.type_timestamp() }})

    union
        {%- endif %}
    {%- endfor %}
    {%- if meta.experiment %}
    select {{ audience }}, person_id
    from people
    where {{ experiment_variant(meta.experiment, 'person_id') }} = 'control'

    union
    {%- endif %}
    {%- if meta.purpose in var('promotional_purposes') %}
    select {{ audience }}, person_id
    from {{ tickets }}
    where {{ is_severe() }} and person_id is not null

    union
    {%- endif %}
{%- endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as audience,
        cast(null as {{ dbt.type_string() }}) as person_id
    where false
{% endmacro %}
