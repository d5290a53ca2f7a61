{#
    A small dictionary as one expression: the value of the key, null where there is none. The
    dictionary becomes one text literal, which costs far less than a branch for every entry.
#}
{%- macro lookup_text(key, entries) -%}
    {%- set pairs = [] -%}
    {%- for name, value in entries.items() -%}
        {%- do pairs.append(name ~ '=' ~ value) -%}
    {%- endfor -%}
    nullif(split_part(split_part('|{{ pairs | join("|") | replace("'", "''") }}|', '|' || {{ key }} || '=', 2), '|', 1), '')
{%- endmacro -%}
