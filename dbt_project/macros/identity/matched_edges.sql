{# Records that are probably about one person, as edges; nothing unless matching is switched on. #}
{%- macro matched_edges() -%}
    {%- if var('probabilistic_matching') -%}
    {%- if target.type != 'duckdb' -%}
        {{ exceptions.raise_compiler_error(
            "dbt_project.yml, vars.probabilistic_matching: target '" ~ target.name ~ "' is of type "
            ~ target.type ~ ", but matching runs on DuckDB only; set it to false."
        ) }}
    {%- endif -%}
    union all

    select
        left_node as left_id,
        right_node as right_id
    from {{ ref('int_matches_judged') }}
    where refusal_reason is null
    {%- endif -%}
{%- endmacro -%}


{# The same edges as the weakest of all evidence, the least probable as the weakest of them. #}
{%- macro matched_links() -%}
    {%- if var('probabilistic_matching') -%}
    union all

    select
        matches.left_node as left_id,
        matches.right_node as right_id,
        0 as is_decided,
        1000 as priority,
        cast(matches.probability * 1000000 as {{ dbt.type_bigint() }}) as seen_count,
        cast(null as {{ dbt.type_timestamp() }}) as last_observed_at
    from {{ ref('int_matches_judged') }} as matches
    inner join affected on matches.left_node = affected.node_id
    where matches.refusal_reason is null
    {%- endif -%}
{%- endmacro -%}
