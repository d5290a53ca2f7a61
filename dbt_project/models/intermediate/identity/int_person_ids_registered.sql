{#
    Every person_id that was ever given out, with the identifier it was made from. Only ever
    appended to, also in a full refresh: an id does not change because an older record turns up.
#}
{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with

identifiers as (

    select * from {{ ref('int_identifiers_grouped') }}

),

registered as (

    {% if is_incremental() %}
        select
            identifier_type,
            identifier_value,
            generation
        from {{ this }}
    {% else %}
        select
            cast(null as {{ dbt.type_string() }}) as identifier_type,
            cast(null as {{ dbt.type_string() }}) as identifier_value,
            cast(null as {{ dbt.type_bigint() }}) as generation
        where 1 = 0
    {% endif %}

),

known as (

    select distinct identifiers.component_id
    from identifiers
    inner join registered
        on identifiers.identifier_type = registered.identifier_type
        and identifiers.identifier_value = registered.identifier_value

),

newcomers as (

    select
        identifiers.*,
        row_number() over (
            partition by identifiers.component_id
            order by
                identifiers.arrived_at nulls last,
                identifiers.first_seen_at nulls last,
                {{ byte_order('identifiers.identifier_type') }},
                {{ byte_order('identifiers.identifier_value') }}
        ) as position
    from identifiers
    left join known on identifiers.component_id = known.component_id
    where known.component_id is null

),

last_generation as (

    select coalesce(max(generation), 0) as generation from registered

)

select
    {{ md5_of(identifier_node('newcomers.identifier_type', 'newcomers.identifier_value')) }}
        as person_id,
    newcomers.identifier_type,
    newcomers.identifier_value,
    newcomers.arrived_at,
    newcomers.first_seen_at,
    cast(last_generation.generation + 1 as {{ dbt.type_bigint() }}) as generation,
    {{ as_of() }} as registered_at
from newcomers
cross join last_generation
where newcomers.position = 1
