{#
    The memory of identity: to which person each identifier was given, and when. A person_id is the
    md5 of the identifier it was made from, its namesake, so that no identifier is kept in here.
    Only ever appended to, also in a full refresh.

    A person_id claims the component that holds its namesake; where that is gone (erased, or on no
    record any more), the component of what arrived first of all that it had. The claim given out
    first wins a component; the others become aliases. What nobody claims is a new person.
#}
{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with

identifiers as (

    select * from {{ ref('int_identifiers_grouped') }}

),

{{ remembered_identifiers(this if is_incremental() else none) }},

this_generation as (

    select cast(coalesce(max(generation), 0) + 1 as {{ dbt.type_bigint() }}) as generation
    from remembered

),

ranked_claims as (

    select
        issued.person_id,
        issued.generation,
        issued.arrived_at as issued_at,
        case when remembered.person_id = issued.person_id then 0 else 1 end as is_alias,
        identifiers.component_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        row_number() over (
            partition by issued.person_id
            order by
                case when identifiers.identifier_key = issued.person_id then 0 else 1 end,
                {{ arrival_order('identifiers') }}
        ) as preference
    from issued
    inner join remembered on issued.person_id = remembered.identifier_key
    inner join holdings on issued.person_id = holdings.person_id
    inner join identifiers on holdings.identifier_key = identifiers.identifier_key

),

-- Behind every claim come the names of people nobody has known.
claims as (

    select
        person_id as claimant,
        1 as was_issued,
        generation,
        issued_at,
        is_alias,
        component_id,
        identifier_type,
        identifier_value
    from ranked_claims
    where preference = 1

    union all

    select
        identifiers.identifier_key as claimant,
        0 as was_issued,
        this_generation.generation,
        identifiers.arrived_at as issued_at,
        0 as is_alias,
        identifiers.component_id,
        identifiers.identifier_type,
        identifiers.identifier_value
    from identifiers
    cross join this_generation

),

decided as (

    select
        *,
        first_value(claimant) over (
            partition by component_id
            order by
                generation,
                issued_at nulls last,
                is_alias,
                {{ byte_order('identifier_type') }},
                {{ byte_order('identifier_value') }},
                {{ byte_order('claimant') }}
        ) as person_id
    from claims

),

given as (

    select
        claimant as identifier_key,
        person_id,
        true as is_present,
        issued_at as arrived_at
    from decided
    where was_issued = 0

    union all

    -- What is gone stands for whoever took the place of its person.
    select
        remembered.identifier_key,
        coalesce(decided.person_id, remembered.person_id) as person_id,
        false as is_present,
        remembered.arrived_at
    from remembered
    left join identifiers on remembered.identifier_key = identifiers.identifier_key
    left join decided
        on remembered.person_id = decided.claimant
        and decided.was_issued = 1
    where identifiers.identifier_key is null

)

select
    given.identifier_key,
    given.person_id,
    given.is_present,
    this_generation.generation,
    given.arrived_at,
    {{ as_of() }} as registered_at
from given
cross join this_generation
left join remembered on given.identifier_key = remembered.identifier_key
where
    remembered.identifier_key is null
    or remembered.person_id <> given.person_id
    or remembered.is_present <> given.is_present
