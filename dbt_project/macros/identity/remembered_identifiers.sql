{#
    Common table expressions over the registry of person ids: remembered, the last word on each
    identifier; issued, each person_id with its first generation; holdings, each person_id's
    namesake and all that was last given to it. relation is none when there is no registry yet.
#}
{%- macro remembered_identifiers(relation) -%}
memory as (

    {% if relation %}
        select * from {{ relation }}
    {% else %}
        select
            cast(null as {{ dbt.type_string() }}) as identifier_key,
            cast(null as {{ dbt.type_string() }}) as person_id,
            cast(null as {{ dbt.type_boolean() }}) as is_present,
            cast(null as {{ dbt.type_bigint() }}) as generation,
            cast(null as {{ dbt.type_timestamp() }}) as arrived_at
        where 1 = 0
    {% endif %}

),

ranked_memory as (

    select
        *,
        row_number() over (partition by identifier_key order by generation desc) as recency
    from memory

),

remembered as (

    select * from ranked_memory
    where recency = 1

),

ranked_issues as (

    select
        *,
        row_number() over (partition by person_id order by generation) as position
    from memory
    where identifier_key = person_id

),

issued as (

    select
        person_id,
        generation,
        arrived_at
    from ranked_issues
    where position = 1

),

holdings as (

    select
        person_id,
        identifier_key
    from remembered

    union

    select
        person_id,
        person_id as identifier_key
    from issued

)
{%- endmacro -%}
