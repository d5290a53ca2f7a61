{{ config(enabled='crm' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    deal_id,
    contact_id,
    role,
    is_primary
from {{ ref('stg_crm__opportunity_contact_roles') }}
