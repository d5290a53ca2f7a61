{{ config(enabled='crm' in var('sources')) }}

{#
    A contact that was merged away is marked deleted, but what it said about the person still
    holds: its row stays as evidence and names the record that survived. A converted lead names
    the contact it became.
#}
with

contacts as (

    select
        source_name,
        source_id,
        loaded_at,
        is_deleted and master_salesforce_id is null as is_deleted,
        row_status,
        salesforce_id,
        master_salesforce_id,
        email,
        phone,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_crm__contacts') }}

),

leads as (

    select
        source_name,
        source_id,
        loaded_at,
        is_deleted,
        row_status,
        salesforce_id,
        converted_salesforce_id,
        email,
        phone,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_crm__leads') }}

)

{{ identifier_rows('contacts', {
    'salesforce_id': 'salesforce_id',
    'master_salesforce_id': 'salesforce_id',
    'email': 'email',
    'phone': 'phone',
}) }}

union all

{{ identifier_rows('leads', {
    'salesforce_id': 'salesforce_id',
    'converted_salesforce_id': 'salesforce_id',
    'email': 'email',
    'phone': 'phone',
}) }}
