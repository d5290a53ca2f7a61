{#
    Common table expressions that end in `shown`: for each row of the CTE `news` (change_id, change,
    person_id, from_person_id, to_person_id, generation) what shows it, the latest first. Needs the
    CTEs of remembered_identifiers.
      created  the record that the namesake arrived on
      merged   a record that carries an identifier which moved, and another that did not
      split    why evidence that both people's records carry is refused
#}
{%- macro change_evidence() -%}
evidence as (

    select * from {{ ref('int_identity_edges') }}

),

moves as (

    select
        identifier_key,
        person_id,
        generation,
        lag(person_id) over (partition by identifier_key order by generation) as from_person_id
    from memory

),

moved as (

    select
        news.change_id,
        identifiers.identifier_type,
        identifiers.identifier_value
    from news
    inner join moves
        on news.to_person_id = moves.person_id
        and news.from_person_id = moves.from_person_id
        and news.generation = moves.generation
    inner join {{ ref('int_identifiers_grouped') }} as identifiers
        on moves.identifier_key = identifiers.identifier_key
    where news.change = 'merged'

),

touched as (

    select distinct
        moved.change_id,
        evidence.source_name,
        evidence.source_id
    from moved
    inner join evidence
        on moved.identifier_type = evidence.identifier_type
        and moved.identifier_value = evidence.identifier_value
        and evidence.refusal_reason is null

),

found as (

    select
        news.change_id,
        news.change,
        evidence.source_name || '/' || evidence.source_id as evidence,
        evidence.loaded_at as arrived_at
    from news
    inner join {{ ref('int_identifiers_grouped') }} as identifiers
        on news.person_id = identifiers.identifier_key
    inner join evidence
        on identifiers.identifier_type = evidence.identifier_type
        and identifiers.identifier_value = evidence.identifier_value
        and evidence.refusal_reason is null
    where news.change = 'created'

    union all

    select
        touched.change_id,
        'merged' as change,
        evidence.source_name || '/' || evidence.source_id as evidence,
        evidence.loaded_at as arrived_at
    from touched
    inner join evidence
        on touched.source_name = evidence.source_name
        and touched.source_id = evidence.source_id
        and evidence.refusal_reason is null
    left join moved
        on touched.change_id = moved.change_id
        and evidence.identifier_type = moved.identifier_type
        and evidence.identifier_value = moved.identifier_value
    where moved.change_id is null

    union all

    select
        news.change_id,
        'split' as change,
        coalesce(evidence.refusal_reason, others.refusal_reason) as evidence,
        evidence.loaded_at as arrived_at
    from news
    inner join {{ ref('person_records') }} as records on news.person_id = records.person_id
    inner join evidence
        on records.source_name = evidence.source_name
        and records.source_id = evidence.source_id
    inner join evidence as others
        on evidence.identifier_type = others.identifier_type
        and evidence.identifier_value = others.identifier_value
    inner join {{ ref('person_records') }} as other_records
        on others.source_name = other_records.source_name
        and others.source_id = other_records.source_id
        and news.from_person_id = other_records.person_id
    where
        news.change = 'split'
        and coalesce(evidence.refusal_reason, others.refusal_reason) is not null

),

ranked_evidence as (

    select
        *,
        row_number() over (
            partition by change_id
            order by
                case when change = 'created' then arrived_at end,
                case when change <> 'created' then arrived_at end desc,
                {{ byte_order('evidence') }}
        ) as position
    from found

),

shown as (

    select * from ranked_evidence
    where position = 1

)
{%- endmacro -%}
