with

identifiers as (

    select * from {{ ref('int_identifiers_grouped') }}

),

person_ids as (

    select distinct
        component_id,
        current_person_id
    from {{ ref('int_person_ids_resolved') }}

)

select
    identifiers.identifier_type,
    identifiers.identifier_value,
    person_ids.current_person_id as person_id,
    identifiers.first_seen_at,
    identifiers.last_seen_at,
    cast(identifiers.source_count as {{ dbt.type_bigint() }}) as source_count
from identifiers
inner join person_ids on identifiers.component_id = person_ids.component_id
