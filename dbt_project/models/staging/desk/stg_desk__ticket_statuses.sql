{{ config(enabled='desk' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    source_id as ticket_status_id,
    ticket_id,
    {{ ascii_lower('value') }} as status,
    changed_at
from {{ ref('stg_desk__ticket_field_histories') }}
where field_name = 'status'
