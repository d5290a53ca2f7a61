{#
    The ISO 3166-1 alpha-2 code of a country given as a code, a name or a usual synonym (UK,
    England, Deutschland); null where it is none.
#}
{%- macro normalise_country(expression) -%}
    {%- set codes = {} -%}
    {%- for code, names in country_names().items() -%}
        {%- do codes.update({code | lower: code}) -%}
        {%- for name in names.split('|') -%}
            {%- do codes.update({name: code}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set letters = 'replace(' ~ ascii_lower(expression) ~ ", '.', '')" -%}
    {%- set words = replace_pattern(letters, "[\\s,()'\u2019|=*&-]+", ' ') -%}
    {{ lookup_text('trim(' ~ words ~ ')', codes) }}
{%- endmacro -%}
