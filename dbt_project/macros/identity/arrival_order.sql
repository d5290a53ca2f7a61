{# Identifiers by when they arrived; what arrived together, in byte order, on every engine alike. #}
{%- macro arrival_order(relation) -%}
    {{ relation }}.arrived_at nulls last,
    {{ byte_order(relation ~ '.identifier_type') }} nulls last,
    {{ byte_order(relation ~ '.identifier_value') }} nulls last
{%- endmacro -%}
