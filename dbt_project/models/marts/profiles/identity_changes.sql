{#
    Read off the registry of person ids, which is only ever appended to: whenever a namesake leads to
    somebody else, its person changed. What shows it is looked for in the run that sees the change
    first, because the graph moves on.
#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns'
) }}

with

{{ remembered_identifiers(ref('int_person_ids_registered')) }},

followed as (

    select
        memory.identifier_key as person_id,
        memory.person_id as to_person_id,
        memory.generation,
        memory.registered_at,
        issued.generation as first_generation,
        lag(memory.person_id) over (
            partition by memory.identifier_key order by memory.generation
        ) as from_person_id
    from memory
    inner join issued on memory.identifier_key = issued.person_id

),

numbered as (

    select
        *,
        row_number() over (partition by person_id order by generation) as sequence
    from followed
    where
        generation >= first_generation
        and (from_person_id is null or from_person_id <> to_person_id)

),

named as (

    select
        *,
        {{ md5_of("person_id || '/' || cast(sequence as " ~ dbt.type_string() ~ ")") }}
            as change_id,
        case
            when from_person_id is null then 'created'
            when person_id = to_person_id then 'split'
            else 'merged'
        end as change
    from numbered

),

news as (

    select named.*
    from named
    {% if is_incremental() %}
        left join {{ this }} as logged on named.change_id = logged.change_id
        where logged.change_id is null
    {% endif %}

),

{{ change_evidence() }}

select
    news.change_id,
    news.change,
    news.person_id,
    news.from_person_id,
    news.to_person_id,
    coalesce(shown.evidence, case when news.change = 'merged' then 'linked' else 'withdrawn' end)
        as evidence,
    cast(news.sequence as {{ dbt.type_bigint() }}) as sequence,
    coalesce(case when news.change <> 'split' then shown.arrived_at end, news.registered_at)
        as effective_at,
    news.registered_at as recorded_at
from news
left join shown on news.change_id = shown.change_id
