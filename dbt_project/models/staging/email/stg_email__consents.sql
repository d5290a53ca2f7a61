{{ config(enabled='email' in var('sources')) }}

{#
    Signing up at a form is a grant; leaving the list is a denial. A pending member has not
    confirmed yet, and a transactional one never signed up: neither granted anything.
#}
with

members as (

    select
        *,
        coalesce(opted_in_at, signed_up_at) as granted_at
    from {{ ref('stg_email__members') }}
    where row_status in ('accepted', 'duplicate')

),

states as (

    select
        *,
        'granted' as state,
        granted_at as occurred_at
    from members
    where granted_at is not null
        and status in ('subscribed', 'unsubscribed', 'cleaned', 'archived')

    union all

    select
        *,
        'denied' as state,
        updated_at as occurred_at
    from members
    where status = 'unsubscribed'

)

select distinct
    source_name,
    source_id,
    loaded_at,
    false as is_deleted,
    'accepted' as row_status,
    'email-' || source_id || '/' || state || '/'
    || {{ text_of('occurred_at', 'timestamp') }} as consent_event_id,
    'email_marketing' as purpose,
    'email' as channel,
    state,
    'consent' as legal_basis,
    occurred_at
from states
