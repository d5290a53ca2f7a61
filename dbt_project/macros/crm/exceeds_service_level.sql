{# Whether the hours are more than the var service_levels grants a ticket of its priority. #}
{%- macro exceeds_service_level(hours, level) -%}
coalesce({{ hours }} > case priority
    {%- for priority, levels in var('service_levels').items() %} when '{{ priority }}' then {{ levels[level] }}{% endfor %} end, false)
{%- endmacro -%}
