{{ config(enabled='desk' in var('sources')) }}

with

users as (

    select * from {{ ref('stg_desk__users') }}
    where role = 'end-user'

),

organizations as (

    select * from {{ ref('stg_desk__organizations') }}
    where row_status = 'accepted'

),

-- One field holds the whole name: its first word is taken for the first name.
customers as (

    select
        users.source_name,
        users.source_id,
        users.loaded_at,
        users.is_deleted,
        users.row_status,
        users.email,
        users.phone,
        split_part(users.full_name, ' ', 1) as first_name,
        nullif(
            trim(substr(users.full_name, length(split_part(users.full_name, ' ', 1)) + 1)), ''
        ) as last_name,
        organizations.organization_name as company_name,
        coalesce(users.updated_at, users.created_at) as observed_at
    from users
    left join organizations on users.organization_id = organizations.organization_id

)

{{ attribute_rows('customers', {
    'email': 'email',
    'phone': 'phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'company_name': 'company_name',
}) }}
