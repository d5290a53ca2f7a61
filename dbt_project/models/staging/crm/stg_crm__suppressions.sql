{{ config(enabled='crm' in var('sources')) }}

{#
    Every version of a record that said "opted out" counts, also one that was superseded, merged
    or deleted since: clearing a box in a CRM is no consent of the person's.
#}
with

records as (

    select
        source_name,
        source_id,
        loaded_at,
        row_status,
        salesforce_id,
        email,
        is_opted_out_of_email,
        email_bounced_at,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_crm__contacts') }}
    where row_status in ('accepted', 'duplicate')

    union all

    select
        source_name,
        source_id,
        loaded_at,
        row_status,
        salesforce_id,
        email,
        is_opted_out_of_email,
        cast(null as {{ dbt.type_timestamp() }}) as email_bounced_at,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_crm__leads') }}
    where row_status in ('accepted', 'duplicate')

),

reasons as (

    select
        *,
        'opted_out' as reason,
        observed_at as suppressed_at
    from records
    where is_opted_out_of_email

    union all

    select
        *,
        'hard_bounce' as reason,
        email_bounced_at as suppressed_at
    from records
    where email_bounced_at is not null

)

select distinct
    source_name,
    source_id,
    loaded_at,
    false as is_deleted,
    'accepted' as row_status,
    reason,
    'email' as channel,
    suppressed_at,
    case when email is not null then 'email' else 'salesforce_id' end as identifier_type,
    coalesce(email, salesforce_id) as identifier_value
from reasons
