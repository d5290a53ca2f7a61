{#
    The evidence of components that break a rule or are sparse, each taken apart into people that break none. Its
    strength: what a human decided, then the identifier's priority, then how often it was seen with
    the most believed identifier of the record, then how lately.
#}
{{ config(
    materialized='guarded_components',
    counts='int_identity_counts',
    least_density=var('identity_guards').least_density,
) }}

with

evidence as (

    select * from {{ ref('int_identity_evidence') }}
    where refusal_reason is null

),

broken as (

    select distinct component_id
    from {{ ref('int_identity_counts') }}

),

affected as (

    select components.*
    from {{ ref('int_identity_drafts') }} as components
    inner join broken on components.component_id = broken.component_id

),

anchored as (

    select
        evidence.*,
        first_value(evidence.identifier_node) over (
            partition by evidence.record_node
            order by evidence.priority, {{ byte_order('evidence.identifier_value') }}
        ) as anchor_node
    from evidence
    inner join affected on evidence.record_node = affected.node_id

),

links as (

    select
        record_node as left_id,
        identifier_node as right_id,
        0 as is_decided,
        priority,
        count(*) over (partition by identifier_node, anchor_node) as seen_count,
        last_observed_at
    from anchored

    union all

    select
        decided.left_id,
        decided.right_id,
        1 as is_decided,
        0 as priority,
        1 as seen_count,
        cast(null as {{ dbt.type_timestamp() }}) as last_observed_at
    from (
        {{ decided_edges() }}
    ) as decided
    inner join affected on decided.left_id = affected.node_id

    {{ matched_links() }}

)

select
    left_id,
    right_id,
    is_decided,
    priority,
    row_number() over (
        order by
            is_decided desc,
            priority,
            seen_count desc,
            last_observed_at desc nulls last,
            {{ md5_of("left_id || '/' || right_id") }}
    ) as strength
from links
