{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'lead') }}

),

renamed as (

    select
        {{ row_origin('crm', 'lead', [salesforce_id('id')], '_fivetran_synced', 'is_deleted') }},
        {{ salesforce_id('id') }} as salesforce_id,
        {{ salesforce_id('converted_contact_id') }} as converted_salesforce_id,
        'crm-' || {{ salesforce_id('id') }} as lead_id,
        'crm-' || {{ salesforce_id('owner_id') }} as owner_id,
        'crm-' || {{ salesforce_id('converted_contact_id') }} as converted_contact_id,
        'crm-' || {{ salesforce_id('converted_account_id') }} as converted_account_id,
        'crm-' || {{ salesforce_id('converted_opportunity_id') }} as converted_deal_id,
        nullif(trim(email), '') as email,
        nullif(trim(phone), '') as written_phone,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(company), '') as company_name,
        nullif(trim(title), '') as job_title,
        nullif(trim(status), '') as status,
        nullif(trim(lead_source), '') as lead_source,
        coalesce({{ normalise_country('country') }}, nullif(trim(country), '')) as country,
        coalesce({{ try_boolean('is_converted') }}, false) as is_converted,
        coalesce({{ try_boolean('has_opted_out_of_email') }}, false) as is_opted_out_of_email,
        {{ try_timestamp('created_date') }} as created_at,
        {{ try_timestamp('last_modified_date') }} as updated_at,
        {{ try_timestamp('converted_date') }} as converted_at
    from landed

),

dialled as (

    select
        *,
        {{ international_phone('written_phone', 'country') }} as phone
    from renamed

)

{{ judged_rows('dialled', {'bad_timestamp': 'created_at is null'}, newest_by='updated_at') }}
