{{ config(enabled='consent' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    'consent-' || preference_id as consent_event_id,
    purpose,
    channel,
    state,
    legal_basis,
    occurred_at
from {{ ref('stg_consent__preferences') }}
