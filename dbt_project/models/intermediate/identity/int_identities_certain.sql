{{ config(materialized='connected_components') }}

{# People as far as identifiers tell that nobody shares; devices and phones are judged by these. #}
select
    {{ record_node('source_name', 'source_id') }} as left_id,
    {{ identifier_node('identifier_type', 'identifier_value') }} as right_id
from {{ ref('int_identifiers_judged') }}
where refusal_reason is null and shareable is null

union all

{{ decided_edges() }}
