{{ config(enabled='email' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_email', 'member') }}

),

renamed as (

    select
        {{ row_origin('email', 'member', ['list_id', 'id'], '_fivetran_synced') }},
        ----------  ids
        list_id,
        id as member_id,

        ----------  strings
        nullif(trim(email_address), '') as email,
        nullif(trim(merge_fname), '') as first_name,
        nullif(trim(merge_lname), '') as last_name,
        coalesce(
            {{ normalise_country('country_code') }}, nullif(trim(country_code), '')
        ) as country,
        {{ ascii_lower("nullif(trim(status), '')") }} as status,

        ----------  times
        {{ try_timestamp('timestamp_signup') }} as signed_up_at,
        {{ try_timestamp('timestamp_opt') }} as opted_in_at,
        {{ try_timestamp('last_changed') }} as updated_at
    from landed

)

-- A member is nothing but an address: without one there is nothing to keep.
{{ judged_rows('renamed', {
    'bad_email': normalise_email('email') ~ ' is null',
    'bad_timestamp': 'updated_at is null',
}, newest_by='updated_at') }}
