{{ config(enabled='hubspot' in var('sources')) }}

{#
    Every version of a contact that said "opted out" counts, also one that was superseded, merged
    or deleted since: clearing a box in a CRM is no consent of the person's.
#}
select distinct
    source_name,
    source_id,
    loaded_at,
    false as is_deleted,
    'accepted' as row_status,
    'opted_out' as reason,
    'email' as channel,
    coalesce(updated_at, created_at) as suppressed_at,
    case when email is not null then 'email' else 'hubspot_contact_id' end as identifier_type,
    coalesce(email, hubspot_contact_id) as identifier_value
from {{ ref('stg_hubspot__contacts') }}
where row_status in ('accepted', 'duplicate')
    and is_opted_out_of_email
