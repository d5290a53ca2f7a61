{#
    A telephone number as an identifier: E.164 where its country makes it one, else as it was
    written, so that nothing is lost and a later rule can read it again.
#}
{%- macro international_phone(expression, country) -%}
    coalesce({{ normalise_phone(expression, country) }}, {{ expression }})
{%- endmacro -%}
