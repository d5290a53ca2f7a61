{{ config(enabled='desk' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_desk', 'user') }}

),

renamed as (

    select
        {{ row_origin('desk', 'user', ['id'], '_fivetran_synced') }},
        ----------  ids
        id as zendesk_user_id,
        nullif(trim(external_id), '') as user_id,
        nullif(organization_id, '') as organization_id,

        ----------  strings
        nullif(trim(email), '') as email,
        coalesce({{ normalise_phone('phone') }}, nullif(trim(phone), '')) as phone,
        nullif(trim(name), '') as full_name,
        {{ ascii_lower("nullif(trim(role), '')") }} as role,

        ----------  times
        {{ try_timestamp('created_at') }} as created_at,
        {{ try_timestamp('updated_at') }} as updated_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}, newest_by='updated_at') }}
