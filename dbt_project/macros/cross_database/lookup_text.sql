{#
    A small dictionary as one expression: the value of the key, null where there is none. The
    dictionary is a constant to the engine, read once; a branch per entry costs twice as much.
#}
{%- macro lookup_text(key, entries) -%}
    {{ return(adapter.dispatch('lookup_text', 'seamline')(key, entries)) }}
{%- endmacro -%}

{%- macro default__lookup_text(key, entries) -%}
    case {{ key }}
        {%- for name, value in entries.items() %}
        when '{{ name | replace("'", "''") }}' then '{{ value | replace("'", "''") }}'
        {%- endfor %}
    end
{%- endmacro -%}

{%- macro duckdb__lookup_text(key, entries) -%}
    map_extract_value(from_json('{{ tojson(entries) | replace("'", "''") }}', '"MAP(VARCHAR, VARCHAR)"'), {{ key }})
{%- endmacro -%}

{%- macro postgres__lookup_text(key, entries) -%}
    (cast('{{ tojson(entries) | replace("'", "''") }}' as jsonb) ->> ({{ key }}))
{%- endmacro -%}
