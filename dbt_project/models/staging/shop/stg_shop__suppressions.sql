{{ config(enabled='shop' in var('sources')) }}

with

customers as (

    select * from {{ ref('stg_shop__customers') }}
    where row_status = 'accepted'

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  strings
    cast('unsubscribed' as {{ dbt.type_string() }}) as reason,
    cast('email' as {{ dbt.type_string() }}) as channel,
    cast('email' as {{ dbt.type_string() }}) as identifier_type,
    email as identifier_value,

    ----------  times
    coalesce(marketing_state_at, updated_at, created_at) as suppressed_at
from customers
where marketing_state in ('unsubscribed', 'redacted') and email is not null
