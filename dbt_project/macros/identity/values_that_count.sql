{#
    Of each identifier of a type with a limit or declared unique: the rule that it counts for, the
    reason it gives, and how many one person may have. relation has node_id, identifier_type and
    first_seen_at. A limit with a window counts the values first seen in the same window; windows
    are counted from 1970 on, so that a day that passes changes nobody.
#}
{%- macro values_that_count(relation) -%}
    {%- for name, settings in var('identifier_types').items() if settings.unique or settings.limit %}
    {%- if not loop.first %}
    union all
    {% endif %}
    select
        node_id,
        {%- if settings.window_days is defined %}
        '{{ name }}/' || cast(floor(
            {{ seconds_between("cast('1970-01-01 00:00:00' as " ~ dbt.type_timestamp() ~ ")", 'first_seen_at') }}
            / {{ 86400 * settings.window_days }}
        ) as {{ dbt.type_string() }}) as rule,
        {%- else %}
        '{{ name }}' as rule,
        {%- endif %}
        '{{ 'not_unique' if settings.unique else 'over_limit' }}' as reason,
        {{ 1 if settings.unique else settings.limit }} as most
    from {{ relation }}
    where identifier_type = '{{ name }}'
    {%- else %}
    select
        node_id,
        'none' as rule,
        'none' as reason,
        1 as most
    from {{ relation }}
    where 1 = 0
    {%- endfor %}
{%- endmacro -%}
