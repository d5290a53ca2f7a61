{#
    Everybody on whose records an identifier stands, also where it was too common to tell people
    apart: a wish tied to an address holds for all who share the address. Junk that anybody types
    (blocked values) holds nobody together.
#}
with

identifiers as (

    select * from {{ ref('int_identifiers_normalised') }}
    where refusal_reason is null

),

person_records as (

    select * from {{ ref('person_records') }}

)

select distinct
    identifiers.identifier_type,
    identifiers.identifier_value,
    person_records.person_id
from identifiers
inner join person_records
    on identifiers.source_name = person_records.source_name
    and identifiers.source_id = person_records.source_id
