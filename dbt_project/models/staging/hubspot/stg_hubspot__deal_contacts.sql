{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'deal_contact') }}

),

renamed as (

    select
        {{ row_origin('hubspot', 'deal_contact', ['deal_id', 'contact_id'], '_fivetran_synced') }},
        ----------  ids
        'hubspot-' || deal_id as deal_id,
        'hubspot-' || contact_id as contact_id,

        ----------  strings
        type_id as role,

        ----------  booleans
        -- HubSpot does not rank a deal's contacts.
        false as is_primary
    from landed

)

{{ judged_rows('renamed', {}) }}
