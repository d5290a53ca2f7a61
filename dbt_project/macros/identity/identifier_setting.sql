{# A setting of the identifier type that a column names, from the var identifier_types. #}
{%- macro identifier_setting(type, setting) -%}
    case {{ type }}
        when '' then null
        {%- for name, settings in var('identifier_types').items() if settings[setting] is defined %}
        when '{{ name }}' then {{ "'" ~ settings[setting] ~ "'" if settings[setting] is string else settings[setting] }}
        {%- else %}
        when '' then null
        {%- endfor %}
    end
{%- endmacro -%}
