{{ config(enabled='hubspot' in var('sources')) }}

{#
    A survivor lists the ids of the contacts that were merged into it, as `id:epoch;id:epoch` or
    `id;id`. Those contacts are marked deleted, but what they said about the person still holds.
#}
with

contacts as (

    select
        *,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_hubspot__contacts') }}
    where row_status = 'accepted'

),

parts as (

    select
        source_name,
        source_id,
        loaded_at,
        is_deleted,
        row_status,
        observed_at,
        {{ split_to_rows('merged_contacts', ';') }} as part
    from contacts

),

merged as (

    select distinct
        source_name,
        source_id,
        loaded_at,
        is_deleted,
        row_status,
        observed_at,
        nullif(trim(split_part(part, ':', 1)), '') as merged_contact_id
    from parts

),

merged_away as (

    select distinct merged_contact_id
    from merged
    where merged_contact_id is not null

),

records as (

    select
        contacts.source_name,
        contacts.source_id,
        contacts.loaded_at,
        contacts.is_deleted and merged_away.merged_contact_id is null as is_deleted,
        contacts.row_status,
        contacts.observed_at,
        contacts.hubspot_contact_id,
        contacts.email,
        contacts.phone
    from contacts
    left join merged_away on contacts.hubspot_contact_id = merged_away.merged_contact_id

)

{{ identifier_rows('records', {
    'hubspot_contact_id': 'hubspot_contact_id',
    'email': 'email',
    'phone': 'phone',
}) }}

union all

{{ identifier_rows('merged', {'merged_contact_id': 'hubspot_contact_id'}) }}
