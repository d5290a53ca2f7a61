with

evidence as (

    select * from {{ ref('int_identity_evidence') }}

),

guarded as (

    select * from {{ ref('int_identity_guarded') }}

)

select
    evidence.record_node,
    evidence.identifier_node,
    evidence.source_name,
    evidence.source_id,
    evidence.identifier_type,
    evidence.identifier_value,
    evidence.priority,
    coalesce(evidence.refusal_reason, guarded.refusal_reason) as refusal_reason,
    evidence.observed_at,
    evidence.last_observed_at,
    evidence.loaded_at
from evidence
left join guarded
    on evidence.record_node = guarded.left_id
    and evidence.identifier_node = guarded.right_id
