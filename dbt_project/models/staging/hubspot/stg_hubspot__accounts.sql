{{ config(enabled='hubspot' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    account_id,
    account_name,
    domain,
    industry,
    employee_count,
    annual_revenue,
    city,
    country,
    owner_id,
    created_at
from {{ ref('stg_hubspot__companies') }}
