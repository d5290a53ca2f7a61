with

edges as (

    select * from {{ ref('int_identity_edges') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

)

select
    edges.identifier_type,
    edges.identifier_value,
    {{ md5_of(identifier_node('edges.identifier_type', 'edges.identifier_value')) }}
        as identifier_key,
    components.component_id,
    min(edges.loaded_at) as arrived_at,
    min(edges.observed_at) as first_seen_at,
    max(edges.last_observed_at) as last_seen_at,
    count(distinct edges.source_name) as source_count
from edges
inner join components on edges.identifier_node = components.node_id
where edges.refusal_reason is null
group by 1, 2, 3, 4
