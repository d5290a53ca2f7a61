{# True for a value that says nothing about who somebody is, by the lists in dbt_project.yml. #}
{%- macro is_blocked_identifier(type, value) -%}
    {%- set lower_value = ascii_lower(value) -%}
    (
        {{ is_on_block_list(lower_value, var('blocked_identifiers')) }}
        {%- for name, settings in var('identifier_types').items() %}
        {%- if settings.blocked or settings.blocked_patterns %}
        or {{ type }} = '{{ name }}' and {{ is_on_block_list(lower_value, settings) }}
        {%- endif %}
        {%- endfor %}
    )
{%- endmacro -%}

{%- macro is_on_block_list(expression, lists) -%}
    (
        {%- for value in lists.blocked or [] %}
        {{ expression }} = '{{ value | string | replace("'", "''") }}' or
        {%- endfor %}
        {%- for pattern in lists.blocked_patterns or [] %}
        {{ matches_pattern(expression, pattern) }} or
        {%- endfor %}
        1 = 0
    )
{%- endmacro -%}
