{{ config(enabled='crm' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    owner_id,
    email,
    owner_name
from {{ ref('stg_crm__users') }}
