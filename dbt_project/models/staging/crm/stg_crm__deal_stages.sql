{{ config(enabled='crm' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    deal_stage_id,
    deal_id,
    stage,
    amount,
    entered_at
from {{ ref('stg_crm__opportunity_histories') }}
