{{ config(enabled='shop' in var('sources')) }}

{# What a customer chose at checkout or in their account: Shopify keeps the last choice only. #}
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

    ----------  ids
    'shop-' || customer_id as consent_event_id,

    ----------  strings
    cast('email_marketing' as {{ dbt.type_string() }}) as purpose,
    cast('email' as {{ dbt.type_string() }}) as channel,
    case when marketing_state = 'subscribed' then 'granted' else 'denied' end as state,
    cast('consent' as {{ dbt.type_string() }}) as legal_basis,

    ----------  times
    coalesce(marketing_state_at, updated_at, created_at) as occurred_at
from customers
where marketing_state in ('subscribed', 'unsubscribed', 'redacted')
