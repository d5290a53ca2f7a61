{# True where a type of identifier names the sources that may merge people by it, and not this one. #}
{%- macro is_out_of_scope(type, source_name) -%}
    (
        {%- for name, settings in var('identifier_types').items() if settings.sources is defined %}
        {{ type }} = '{{ name }}' and {{ source_name }} not in ('{{ settings.sources | join("', '") }}') or
        {%- endfor %}
        1 = 0
    )
{%- endmacro -%}
