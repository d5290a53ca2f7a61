{# Who logged in when on a device. Where several people share it nothing else tells them apart. #}
with

edges as (

    select * from {{ ref('int_identity_edges') }}

),

shared as (

    select * from {{ ref('int_identifiers_shared') }}

),

identities as (

    select * from {{ ref('identities') }}

)

select distinct
    devices.identifier_value as anonymous_id,
    identities.person_id,
    shared.identifier_value is not null as is_shared,
    devices.observed_at as logged_in_at
from edges as devices
left join shared
    on devices.identifier_type = shared.identifier_type
    and devices.identifier_value = shared.identifier_value
inner join edges as logins
    on devices.source_name = logins.source_name
    and devices.source_id = logins.source_id
    and logins.refusal_reason is null
inner join identities
    on logins.identifier_type = identities.identifier_type
    and logins.identifier_value = identities.identifier_value
where
    devices.identifier_type = 'anonymous_id'
    and logins.identifier_type <> 'anonymous_id'
