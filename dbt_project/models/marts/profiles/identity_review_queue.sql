{# What a human should look at; a decision about it goes into the seed identity_decisions. #}
with

edges as (

    select * from {{ ref('int_identity_edges') }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

placed as (

    select
        edges.*,
        case
            when edges.refusal_reason not in ('invalid', 'blocked', 'out_of_scope', 'split_by_hand')
                then edges.refusal_reason
        end as doubt,
        person_records.person_id
    from edges
    inner join person_records
        on edges.source_name = person_records.source_name
        and edges.source_id = person_records.source_id

),

-- Refused evidence that two people have in common, but for what is worthless or was decided.
refused as (

    select
        'refused' as kind,
        min(doubt) as reason,
        {{ byte_min('person_id') }} as person_id,
        identifier_type,
        {{ sha256_of('identifier_value') }} as identifier_value_hash,
        count(distinct person_id) as people_count,
        count(*) as record_count,
        cast(null as {{ type_double() }}) as density
    from placed
    group by 4, 5
    having count(distinct person_id) > 1 and min(doubt) is not null

),

links as (

    select
        person_id as part,
        record_node as record,
        identifier_node as shared
    from placed
    where refusal_reason is null

),

densities as (

    {{ record_density('links') }}

),

-- People of many records of which hardly two have anything in common.
loose as (

    select
        'loose' as kind,
        'low_density' as reason,
        part as person_id,
        cast(null as {{ dbt.type_string() }}) as identifier_type,
        cast(null as {{ dbt.type_string() }}) as identifier_value_hash,
        1 as people_count,
        record_count,
        density
    from densities
    where density < {{ var('identity_guards').doubt_below_density }}

),

-- People who go by first names that do not even begin alike.
conflicting as (

    select
        'conflict' as kind,
        'first_names' as reason,
        person_id,
        cast(null as {{ dbt.type_string() }}) as identifier_type,
        cast(null as {{ dbt.type_string() }}) as identifier_value_hash,
        1 as people_count,
        count(distinct source_name || '/' || source_id) as record_count,
        cast(null as {{ type_double() }}) as density
    from {{ ref('int_attributes_attributed') }}
    where attribute_name = 'first_name'
    group by 3
    having count(distinct substring({{ ascii_lower('attribute_value') }}, 1, 1)) > 1

),

doubtful as (

    select * from refused

    union all

    select * from loose

    union all

    select * from conflicting

)

select
    {{ md5_of("kind || '/' || reason || '/' || "
        ~ "coalesce(identifier_type || '/' || identifier_value_hash, person_id)") }} as review_id,
    kind,
    reason,
    person_id,
    identifier_type,
    identifier_value_hash,
    cast(people_count as {{ dbt.type_bigint() }}) as people_count,
    cast(record_count as {{ dbt.type_bigint() }}) as record_count,
    density
from doubtful
