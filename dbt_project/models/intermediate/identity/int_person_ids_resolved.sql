{# Each person_id ever given out and the one that holds its identifier now: where several people
   turned out to be one, the id that was given out first survives. #}
with

registered as (

    select * from {{ ref('int_person_ids_registered') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_grouped') }}

)

select
    registered.person_id,
    identifiers.component_id,
    first_value(registered.person_id) over (
        partition by identifiers.component_id
        order by
            registered.generation,
            registered.arrived_at nulls last,
            registered.first_seen_at nulls last,
            {{ byte_order('registered.identifier_type') }},
            {{ byte_order('registered.identifier_value') }}
    ) as current_person_id,
    max(identifiers.arrived_at) over (partition by identifiers.component_id) as last_arrived_at,
    registered.arrived_at,
    registered.generation
from registered
inner join identifiers
    on registered.identifier_type = identifiers.identifier_type
    and registered.identifier_value = identifiers.identifier_value
