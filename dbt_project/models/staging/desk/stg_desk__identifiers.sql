{{ config(enabled='desk' in var('sources')) }}

with

-- Agents and administrators are staff, not customers.
customers as (

    select
        *,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_desk__users') }}
    where role = 'end-user'

)

{{ identifier_rows('customers', {
    'zendesk_user_id': 'zendesk_user_id',
    'user_id': 'user_id',
    'email': 'email',
    'phone': 'phone',
}) }}
