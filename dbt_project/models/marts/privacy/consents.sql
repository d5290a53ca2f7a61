with

consents as (

    select * from {{ ref('int_consents_resolved') }}

)

select
    {{ md5_of("consent_event_id || '/' || coalesce(person_id, '')") }} as consent_id,
    consent_event_id,
    person_id,
    purpose,
    channel,
    state,
    legal_basis,
    source_name,
    source_name in ('{{ var("consent_platforms") | join("', '") }}') as is_explicit,
    occurred_at
from consents
