{{ config(materialized='connected_components') }}

select
    record_node as left_id,
    identifier_node as right_id
from {{ ref('int_identity_edges') }}
where refusal_reason is null

union all

{{ decided_edges() }}
