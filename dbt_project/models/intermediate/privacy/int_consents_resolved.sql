{#
    What people allowed and refused, with everybody whom it concerns: a grant is its own person's
    only, a refusal holds for all who share the address that it came from.
#}
with

consents as (

    {{ union_sources('consents', {
        'consent_event_id': 'string',
        'purpose': 'string',
        'channel': 'string',
        'state': 'string',
        'legal_basis': 'string',
        'occurred_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

addresses as (

    select * from {{ ref('int_identifiers_normalised') }}
    where identifier_type = 'email'
        and refusal_reason is null

),

holders as (

    select * from {{ ref('int_identifier_holders') }}

),

own as (

    select
        consents.*,
        person_records.person_id
    from consents
    left join person_records
        on consents.source_name = person_records.source_name
        and consents.source_id = person_records.source_id

),

shared as (

    select
        own.source_name,
        own.source_id,
        own.loaded_at,
        own.consent_event_id,
        own.purpose,
        own.channel,
        own.state,
        own.legal_basis,
        own.occurred_at,
        holders.person_id
    from own
    inner join addresses
        on own.source_name = addresses.source_name
        and own.source_id = addresses.source_id
    inner join holders
        on addresses.identifier_type = holders.identifier_type
        and addresses.identifier_value = holders.identifier_value
    where own.state = 'denied'

)

select
    source_name,
    source_id,
    loaded_at,
    consent_event_id,
    purpose,
    channel,
    state,
    legal_basis,
    occurred_at,
    person_id
from own

union

select
    source_name,
    source_id,
    loaded_at,
    consent_event_id,
    purpose,
    channel,
    state,
    legal_basis,
    occurred_at,
    person_id
from shared
