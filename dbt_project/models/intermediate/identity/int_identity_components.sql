{# The drafts, but for the components that were taken apart. #}
with

drafts as (

    select * from {{ ref('int_identity_drafts') }}

),

guarded as (

    select * from {{ ref('int_identity_guarded') }}

),

regrouped as (

    select
        left_id as node_id,
        left_component_id as component_id
    from guarded

    union

    select
        right_id as node_id,
        right_component_id as component_id
    from guarded

)

select
    drafts.node_id,
    coalesce(regrouped.component_id, drafts.component_id) as component_id
from drafts
left join regrouped on drafts.node_id = regrouped.node_id
