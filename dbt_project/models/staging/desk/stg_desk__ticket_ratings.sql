{{ config(enabled='desk' in var('sources')) }}

-- Zendesk keeps a rating as a field of the ticket: unoffered, offered, good or bad.
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    source_id as ticket_rating_id,
    ticket_id,
    {{ ascii_lower('value') }} as rating,
    changed_at as rated_at
from {{ ref('stg_desk__ticket_field_histories') }}
where field_name = 'satisfaction_score'
