{{ config(enabled='ads' in var('sources')) }}

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    spend_date,
    platform,
    campaign_id,
    campaign_name,
    spend_amount,
    currency,
    impressions,
    clicks
from {{ ref('stg_ads__spend') }}
