{#
    Trimmed and in lower case; null where it is no address: white space inside, not exactly one
    @, no dot in the domain. Nothing else is stripped: dots and +tags belong to the address.
#}
{%- macro normalise_email(expression) -%}
    {%- set space = '\\s\u00a0\u200b' -%}
    {{ extract_pattern(
        ascii_lower(replace_pattern(expression, '^[' ~ space ~ ']+|[' ~ space ~ ']+$', '')),
        '^[^@' ~ space ~ ']+@[^@.' ~ space ~ ']+(?:[.][^@.' ~ space ~ ']+)+$'
    ) }}
{%- endmacro -%}
