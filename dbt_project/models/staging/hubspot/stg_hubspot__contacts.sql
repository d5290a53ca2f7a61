{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'contact') }}

),

renamed as (

    select
        {{ row_origin('hubspot', 'contact', ['id'], '_fivetran_synced', '_fivetran_deleted') }},
        ----------  ids
        id as hubspot_contact_id,
        -- The two lists overlap, and some merges are only in one of them.
        concat_ws(
            ';', property_hs_calculated_merged_vids, property_hs_merged_object_ids
        ) as merged_contacts,
        'hubspot-' || id as contact_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        'hubspot-' || nullif(property_hubspot_owner_id, '') as owner_id,

        ----------  strings
        nullif(trim(property_email), '') as email,
        coalesce(
            {{ normalise_phone('property_phone') }}, nullif(trim(property_phone), '')
        ) as phone,
        nullif(trim(property_firstname), '') as first_name,
        nullif(trim(property_lastname), '') as last_name,
        nullif(trim(property_jobtitle), '') as job_title,
        nullif(trim(property_company), '') as company_name,
        {{ ascii_lower("nullif(trim(property_lifecyclestage), '')") }} as lifecycle_stage,
        cast(null as {{ dbt.type_string() }}) as lead_source,
        cast(null as {{ dbt.type_string() }}) as city,
        cast(null as {{ dbt.type_string() }}) as country,

        ----------  booleans
        coalesce({{ try_boolean('property_hs_email_optout') }}, false) as is_opted_out_of_email,

        ----------  times
        {{ try_timestamp('property_createdate') }} as created_at,
        {{ try_timestamp('property_lastmodifieddate') }} as updated_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}, newest_by='updated_at') }}
