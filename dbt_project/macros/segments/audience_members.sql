{#
  One row per member of every segment that names the destination among its channels.

  `match_columns` maps the channel's field names to columns of `people`. Segments past their
  `expires_on` have no members, and whom `audience_exclusions` names is none. People a channel
  cannot match stay in, with empty match fields: the planner holds them back and counts them.
#}
{% macro audience_members(destination, match_columns, with_properties=false) %}
{%- set segments = segments_for(destination) -%}
with people as (

    select * from {{ ref('people') }}

),

members as (
{% for segment in segments %}
    {%- set meta = segment.config.meta.segment %}
    select
        '{{ segment.name }}' as audience,
        '{{ meta.label | replace("'", "''") }}' as audience_label,
        '{{ meta.purpose }}' as purpose,
        member.person_id
        {%- if with_properties %},
        {{ segment_properties(segment) }} as properties
        {%- endif %}
    from {{ segment_relation(segment) }} as member
    where {{ as_of() }} < cast('{{ meta.expires_on }}' as {{ dbt.type_timestamp() }})

    union all
{% endfor %}
    -- types the relation where no segment names this destination
    select
        cast(null as {{ dbt.type_string() }}) as audience,
        cast(null as {{ dbt.type_string() }}) as audience_label,
        cast(null as {{ dbt.type_string() }}) as purpose,
        cast(null as {{ dbt.type_string() }}) as person_id
        {%- if with_properties %},
        cast(null as {{ dbt.type_string() }}) as properties
        {%- endif %}
    where false

),

excluded as (
{{ audience_exclusions(segments) }}
)

select
    members.audience,
    members.audience_label,
    members.purpose,
    members.person_id,
    {%- for field, column in match_columns.items() %}
    {{ column }} as {{ field }}{{ ',' if with_properties or not loop.last }}
    {%- endfor %}
    {%- if with_properties %}
    members.properties
    {%- endif %}
from members
inner join people on members.person_id = people.person_id
left join excluded
    on members.audience = excluded.audience
    and members.person_id = excluded.person_id
where excluded.person_id is null
{% endmacro %}
