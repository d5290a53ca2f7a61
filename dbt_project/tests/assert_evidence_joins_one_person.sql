{# A record and each identifier that is accepted on it lead to the same person. #}
select
    edges.source_name,
    edges.source_id,
    edges.identifier_type,
    person_records.person_id as record_person_id,
    identities.person_id as identifier_person_id
from {{ ref('int_identity_edges') }} as edges
left join {{ ref('person_records') }} as person_records
    on edges.source_name = person_records.source_name
    and edges.source_id = person_records.source_id
left join {{ ref('identities') }} as identities
    on edges.identifier_type = identities.identifier_type
    and edges.identifier_value = identities.identifier_value
where
    edges.refusal_reason is null
    and (
        person_records.person_id is null
        or identities.person_id is null
        or person_records.person_id <> identities.person_id
    )
