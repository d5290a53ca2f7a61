{{ config(enabled='clickstream' in var('sources')) }}

with

events as (

    select * from {{ ref('stg_clickstream__events') }}

)

select
    source_name,
    'user/' || user_id as source_id,
    min(loaded_at) as loaded_at,
    is_deleted,
    row_status,
    cast('clickstream_user_id' as {{ dbt.type_string() }}) as identifier_type,
    user_id as identifier_value,
    min(occurred_at) as observed_at,
    min(loaded_at) as arrived_at
from events
group by 1, 2, 4, 5, 6, 7
