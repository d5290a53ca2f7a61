{# The ISO 4217 code in capitals; null where it is none. #}
{%- macro normalise_currency(expression) -%}
    {{ extract_pattern('upper(trim(' ~ expression ~ '))', '^(?:' ~ currency_codes() | join('|') ~ ')$') }}
{%- endmacro -%}
