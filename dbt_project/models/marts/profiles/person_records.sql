with

edges as (

    select * from {{ ref('int_identity_edges') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

),

person_ids as (

    select distinct
        component_id,
        current_person_id
    from {{ ref('int_person_ids_resolved') }}

)

select distinct
    edges.source_name,
    edges.source_id,
    person_ids.current_person_id as person_id
from edges
inner join components on edges.record_node = components.node_id
inner join person_ids on components.component_id = person_ids.component_id
