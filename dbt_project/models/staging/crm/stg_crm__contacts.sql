{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'contact') }}

),

accounts as (

    select * from {{ ref('stg_crm__accounts') }}
    where row_status = 'accepted'

),

renamed as (

    select
        {{ row_origin('crm', 'contact', [salesforce_id('id')], '_fivetran_synced', 'is_deleted') }},
        {{ salesforce_id('id') }} as salesforce_id,
        {{ salesforce_id('master_record_id') }} as master_salesforce_id,
        'crm-' || {{ salesforce_id('id') }} as contact_id,
        'crm-' || {{ salesforce_id('account_id') }} as account_id,
        'crm-' || {{ salesforce_id('owner_id') }} as owner_id,
        nullif(trim(email), '') as email,
        nullif(trim(coalesce(nullif(mobile_phone, ''), phone)), '') as written_phone,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(title), '') as job_title,
        nullif(trim(lead_source), '') as lead_source,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        nullif(trim(mailing_city), '') as city,
        coalesce(
            {{ normalise_country('mailing_country') }}, nullif(trim(mailing_country), '')
        ) as country,
        coalesce({{ try_boolean('has_opted_out_of_email') }}, false) as is_opted_out_of_email,
        {{ try_timestamp('email_bounced_date') }} as email_bounced_at,
        {{ try_timestamp('created_date') }} as created_at,
        {{ try_timestamp('last_modified_date') }} as updated_at
    from landed

),

named as (

    select
        renamed.*,
        {{ international_phone('renamed.written_phone', 'renamed.country') }} as phone,
        accounts.account_name as company_name
    from renamed
    left join accounts on renamed.account_id = accounts.account_id

)

{{ judged_rows('named', {'bad_timestamp': 'created_at is null'}, newest_by='updated_at') }}
