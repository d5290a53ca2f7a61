{#
    A telephone number in E.164, or null: where a value comes out it is libphonenumber's, and
    what it calls invalid is null here. country is an expression for the alpha-2 code of the
    country the number was written in; numbers written with + need none. Without a country, a
    leading 00 means +.
#}
{%- macro normalise_phone(expression, country="cast(null as " ~ dbt.type_string() ~ ")") -%}
    {%- set calling_codes = {} -%}
    {%- set trunks = {} -%}
    {%- set other_exits = [] -%}
    {%- for name, rule in phone_countries().items() -%}
        {%- do calling_codes.update({name: rule.calling_code}) -%}
        {%- do trunks.setdefault(rule.trunk, []).append(name) -%}
        {%- if not rule.exits_with_00 -%} {%- do other_exits.append(name) -%} {%- endif -%}
    {%- endfor -%}
    {%- set valid = [] -%}
    {%- for calling_code, pattern in phone_patterns().items() -%}
        {%- do valid.append(calling_code ~ '(?:' ~ pattern ~ ')') -%}
    {%- endfor -%}
    {%- set zero_codes = [] -%}
    {%- for name in trunks['0'] -%} {%- do zero_codes.append(calling_codes[name]) -%} {%- endfor -%}
    {# +49 (0)30: the zero is dialled at home only. Where there is no such zero it is a mistake. #}
    {%- set abroad = replace_pattern(
        expression, '^(\\s*(?:[+]|00)(?:' ~ zero_codes | join('|') ~ ')[ ./-]*)[(]0[)]', '\\1'
    ) -%}
    {%- set digits = replace_pattern(expression, '[^0-9]', '') -%}
    {%- set candidate -%}
        case
            when not {{ matches_pattern(expression, '^\\s*[+]?[0-9 ()./-]+\\s*$') }} then null
            when {{ matches_pattern(expression, '^\\s*[+]') }}
                then '+' || {{ replace_pattern(abroad, '[^0-9]', '') }}
            when {{ matches_pattern(expression, '^\\s*00') }}
                and coalesce({{ country }}, '') not in ('{{ other_exits | join("', '") }}')
                then '+' || {{ replace_pattern(replace_pattern(abroad, '^\\s*00', ''), '[^0-9]', '') }}
            {# Without its zero, 4930... in Germany is either Leer or the calling code: give up. #}
            when {{ country }} in ('{{ trunks['0'] | join("', '") }}')
                and starts_with({{ digits }}, {{ lookup_text(country, calling_codes) }}) then null
            {%- for trunk, names in trunks.items() if trunk %}
            when {{ country }} in ('{{ names | join("', '") }}')
                then '+' || {{ lookup_text(country, calling_codes) }} || {{ replace_pattern(digits, '^' ~ trunk, '') }}
            {%- endfor %}
            else '+' || {{ lookup_text(country, calling_codes) }} || {{ digits }}
        end
    {%- endset -%}
    {{ extract_pattern(candidate, '^[+](?:' ~ valid | join('|') ~ ')$') }}
{%- endmacro -%}
