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

{# The links as edges of the graph. #}
{%- macro decided_edges() -%}
    select
        {{ identifier_node('left_type', 'left_value') }} as left_id,
        {{ identifier_node('right_type', 'right_value') }} as right_id
    from (
        {{ decided_pairs('link') }}
    ) as links
{%- endmacro -%}

{# The splits as rules: of the two identifiers of a pair, one person may have one. #}
{%- macro decided_rules() -%}
    {%- set left = identifier_node('left_type', 'left_value') -%}
    {%- set right = identifier_node('right_type', 'right_value') -%}
    {%- for node in [left, right] %}
    select
        {{ node }} as node_id,
        'split/' || {{ md5_of(left ~ " || '/' || " ~ right) }} as rule,
        'split_by_hand' as reason,
        1 as most
    from (
        {{ decided_pairs('split') }}
    ) as splits
    {{- '\n\n    union all\n' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
