{# Everything that records say about a person. An address counts as a person's only if it could be
   an identifier: junk and what cannot be normalised are out, a number that a family shares is not. #}
with

attributes as (

    {{ union_sources('attributes', {
        'attribute_name': 'string',
        'attribute_value': 'string',
        'observed_at': 'timestamp',
        'is_verified': 'boolean',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

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
        source_name,
        source_id,
        attribute_name,
        case
            when attribute_name in ('email', 'phone')
                then {{ normalise_identifier('attribute_name', 'attribute_value') }}
            else nullif(trim(attribute_value), '')
        end as attribute_value,
        observed_at,
        coalesce(is_verified, false) as is_verified
    from attributes

)

select
    person_records.person_id,
    comparable.attribute_name,
    comparable.attribute_value,
    comparable.source_name,
    comparable.source_id,
    comparable.observed_at,
    comparable.is_verified,
    count(*) over (
        partition by person_records.person_id, comparable.attribute_name, comparable.attribute_value
    ) as mention_count
from comparable
inner join person_records
    on comparable.source_name = person_records.source_name
    and comparable.source_id = person_records.source_id
left join worthless
    on comparable.attribute_name = worthless.identifier_type
    and comparable.attribute_value = worthless.identifier_value
where comparable.attribute_value is not null and worthless.identifier_value is null
