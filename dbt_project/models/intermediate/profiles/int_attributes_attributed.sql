{# Everything that records say about a person, and what enrichments say of their identifiers. An
   address counts as a person's only if it could be an identifier: junk and what cannot be
   normalised are out, a number that a family shares is not. #}
with

attributes as (

    {{ union_sources('attributes', {
        'attribute_name': 'string',
        'attribute_value': 'string',
        'observed_at': 'timestamp',
        'is_verified': 'boolean',
    }) }}

),

enrichments as (

    {{ union_sources('enrichments', {
        'identifier_type': 'string',
        'identifier_value': 'string',
        'attribute_name': 'string',
        'attribute_value': 'string',
        'observed_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

identities as (

    select * from {{ ref('identities') }}

),

-- An enrichment is no record of anybody: it makes no person, and makes no two people one.
told as (

    select
        person_records.person_id,
        attributes.source_name,
        attributes.source_id,
        attributes.attribute_name,
        attributes.attribute_value,
        attributes.observed_at,
        coalesce(attributes.is_verified, false) as is_verified
    from attributes
    inner join person_records
        on attributes.source_name = person_records.source_name
        and attributes.source_id = person_records.source_id

    union all

    select
        identities.person_id,
        enrichments.source_name,
        enrichments.source_id,
        enrichments.attribute_name,
        enrichments.attribute_value,
        enrichments.observed_at,
        false as is_verified
    from enrichments
    inner join identities
        on enrichments.identifier_type = identities.identifier_type
        and enrichments.identifier_value = identities.identifier_value

),

worthless as (

    select distinct
        identifier_type,
        identifier_value
    from {{ ref('int_identity_edges') }}
    where refusal_reason in ('blocked', 'invalid', 'too_common', 'too_large')

),

comparable as (

    select
        person_id,
        source_name,
        source_id,
        attribute_name,
        case
            when attribute_name in ('email', 'phone')
                then {{ normalise_identifier('attribute_name', 'attribute_value') }}
            else nullif(trim(attribute_value), '')
        end as attribute_value,
        observed_at,
        is_verified
    from told

)

select
    comparable.person_id,
    comparable.attribute_name,
    comparable.attribute_value,
    comparable.source_name,
    comparable.source_id,
    comparable.observed_at,
    comparable.is_verified,
    count(*) over (
        partition by comparable.person_id, comparable.attribute_name, comparable.attribute_value
    ) as mention_count
from comparable
left join worthless
    on comparable.attribute_name = worthless.identifier_type
    and comparable.attribute_value = worthless.identifier_value
where comparable.attribute_value is not null and worthless.identifier_value is null
