with

people as (

    select * from {{ ref('people') }}

),

sizes as (

    select
        identifier_count,
        row_number() over (
            order by identifier_count desc, {{ byte_order('person_id') }}
        ) as position
    from people

),

changes as (

    select * from {{ ref('identity_changes') }}

),

refused as (

    select * from {{ ref('identity_refused') }}

),

measured as (

    select
        'people' as metric,
        '' as subject,
        count(*) as figure
    from people

    union all

    select
        'anonymous_share' as metric,
        '' as subject,
        {{ divide('sum(case when is_anonymous then 1 else 0 end)', 'count(*)') }} as figure
    from people

    union all

    select
        'identifiers_per_person' as metric,
        '' as subject,
        {{ divide('sum(identifier_count)', 'count(*)') }} as figure
    from people

    union all

    select
        'largest_person' as metric,
        cast(position as {{ dbt.type_string() }}) as subject,
        identifier_count as figure
    from sizes
    where position <= 5

    union all

    select
        'refused' as metric,
        reason as subject,
        count(*) as figure
    from refused
    group by 1, 2

    union all

    select
        change as metric,
        cast(cast(recorded_at as date) as {{ dbt.type_string() }}) as subject,
        count(*) as figure
    from changes
    group by 1, 2

    {% if var('identity_truth') %}
        union all

        {{ pairwise_quality(ref('person_records'), var('identity_truth')) }}
    {% endif %}

)

select
    metric,
    subject,
    cast(figure as {{ type_double() }}) as figure
from measured
