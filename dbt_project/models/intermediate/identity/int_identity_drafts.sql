{{ config(materialized='connected_components', incremental='compare') }}

{# Components before any is held against the rules of what a person may be. #}
select
    record_node as left_id,
    identifier_node as right_id
from {{ ref('int_identity_evidence') }}
where refusal_reason is null

union all

{{ decided_edges() }}

{{ matched_edges() }}
