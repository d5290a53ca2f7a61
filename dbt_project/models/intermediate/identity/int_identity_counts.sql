{#
    Components that break a rule, or in which hardly two records have anything in common: what of
    theirs counts, by which rule, and how much of it one person may have. Empty as long as every
    component could be a person.
#}
with

evidence as (

    select * from {{ ref('int_identity_evidence') }}

),

components as (

    select * from {{ ref('int_identity_drafts') }}

),

identifiers as (

    select
        identifier_node as node_id,
        identifier_type,
        min(observed_at) as first_seen_at
    from evidence
    where refusal_reason is null
    group by 1, 2

),

counted as (

    {{ values_that_count('identifiers') }}

    union all

    select
        node_id,
        'size' as rule,
        'too_large' as reason,
        {{ var('identity_guards').max_identifiers }} as most
    from identifiers

    union all

    {{ decided_rules() }}

),

placed as (

    select
        counted.*,
        components.component_id
    from counted
    inner join components on counted.node_id = components.node_id

),

links as (

    select
        components.component_id as part,
        evidence.record_node as record,
        evidence.identifier_node as shared
    from evidence
    inner join components on evidence.record_node = components.node_id
    where evidence.refusal_reason is null

),

densities as (

    {{ record_density('links') }}

),

broken as (

    select component_id
    from (
        select
            component_id,
            rule,
            most
        from placed
        group by 1, 2, 3
        having count(*) > most
    ) as broken_rules

    union

    select part as component_id
    from densities
    where density < {{ var('identity_guards').least_density }}

)

select placed.*
from placed
inner join broken on placed.component_id = broken.component_id
