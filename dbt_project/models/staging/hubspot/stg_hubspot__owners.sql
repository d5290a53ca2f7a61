{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'owner') }}

),

renamed as (

    select
        {{ row_origin('hubspot', 'owner', ['owner_id'], '_fivetran_synced') }},
        ----------  ids
        'hubspot-' || owner_id as owner_id,

        ----------  strings
        {{ normalise_email('email') }} as email,
        nullif(
            concat_ws(' ', nullif(trim(first_name), ''), nullif(trim(last_name), '')), ''
        ) as owner_name
    from landed

)

{{ judged_rows('renamed', {}) }}
