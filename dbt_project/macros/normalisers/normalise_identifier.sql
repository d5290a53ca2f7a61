{#
    The comparable form of an identifier, chosen by its type through the var identifier_types;
    null where the value cannot be one. A phone number must already carry its country.
#}
{%- macro normalise_identifier(type, value) -%}
    case
        {%- for name, settings in var('identifier_types').items() %}
        {%- if settings.normaliser == 'email' %}
        when {{ type }} = '{{ name }}' then {{ normalise_email(value) }}
        {%- elif settings.normaliser == 'phone' %}
        when {{ type }} = '{{ name }}' then {{ normalise_phone(value) }}
        {%- elif settings.normaliser == 'lower' %}
        when {{ type }} = '{{ name }}' then nullif({{ ascii_lower('trim(' ~ value ~ ')') }}, '')
        {%- elif settings.normaliser == 'text' %}
        when {{ type }} = '{{ name }}' then nullif(trim({{ value }}), '')
        {%- else %}
        {{ exceptions.raise_compiler_error(
            "dbt_project.yml, vars.identifier_types." ~ name ~ ".normaliser: '" ~ settings.normaliser
            ~ "' is unknown; use text, lower, email or phone."
        ) }}
        {%- endif %}
        {%- endfor %}
    end
{%- endmacro -%}
