{#
    Appended to by every run and never rewritten. What a person_id was last known to be is read from
    here, what it is now from the graph; each difference is one change.
#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns'
) }}

with

person_ids as (

    select * from {{ ref('int_person_ids_resolved') }}

),

logged as (

    {% if is_incremental() %}
        select
            person_id,
            to_person_id,
            sequence
        from {{ this }}
    {% else %}
        select
            cast(null as {{ dbt.type_string() }}) as person_id,
            cast(null as {{ dbt.type_string() }}) as to_person_id,
            cast(null as {{ dbt.type_bigint() }}) as sequence
        where 1 = 0
    {% endif %}

),

ranked as (

    select
        *,
        row_number() over (partition by person_id order by sequence desc) as recency
    from logged

),

changed as (

    select
        person_ids.person_id,
        ranked.to_person_id as from_person_id,
        person_ids.current_person_id as to_person_id,
        coalesce(ranked.sequence, 0) as last_sequence,
        case
            when ranked.person_id is null and person_ids.person_id = person_ids.current_person_id
                then 'created'
            when person_ids.person_id = person_ids.current_person_id then 'split'
            else 'merged'
        end as change,
        case
            when ranked.person_id is null and person_ids.person_id = person_ids.current_person_id
                then person_ids.arrived_at
            else person_ids.last_arrived_at
        end as effective_at
    from person_ids
    left join ranked
        on person_ids.person_id = ranked.person_id
        and ranked.recency = 1
    where ranked.person_id is null or ranked.to_person_id <> person_ids.current_person_id

)

select
    {{ md5_of("person_id || '/' || cast(last_sequence + 1 as " ~ dbt.type_string() ~ ")") }}
        as change_id,
    change,
    person_id,
    from_person_id,
    to_person_id,
    cast(last_sequence + 1 as {{ dbt.type_bigint() }}) as sequence,
    effective_at,
    {{ as_of() }} as recorded_at
from changed
