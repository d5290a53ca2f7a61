{# The pairs of identifiers that a human linked or split, normalised like every other identifier. #}
{%- macro decided_pairs(action) -%}
    select
        left_type,
        {{ normalise_identifier('left_type', 'left_value') }} as left_value,
        right_type,
        {{ normalise_identifier('right_type', 'right_value') }} as right_value
    from {{ ref('identity_decisions') }}
    where action = '{{ action }}'
{%- endmacro -%}

{# The same as edges of the graph. #}
{%- macro decided_edges() -%}
    select
        {{ identifier_node('left_type', 'left_value') }} as left_id,
        {{ identifier_node('right_type', 'right_value') }} as right_id
    from (
        {{ decided_pairs('link') }}
    ) as links
{%- endmacro -%}
