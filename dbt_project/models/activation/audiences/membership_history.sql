{#
    The memory of segments, told of the people of today. What was remembered of several people who
    turned out to be one is theirs together: the id that a merge retires leaves a segment in the
    very run in which the survivor enters it, and the person has been in it all along.
#}
with

remembered as (

    select * from {{ segment_memberships() }}

),

person_ids as (

    select * from {{ ref('int_person_ids_resolved') }}

),

stays as (

    select
        remembered.segment,
        coalesce(person_ids.current_person_id, remembered.person_id) as person_id,
        remembered.entered_at,
        remembered.left_at,
        coalesce(remembered.left_at, {{ end_of_time() }}) as ends_at
    from remembered
    left join person_ids on remembered.person_id = person_ids.person_id

),

followed as (

    select
        *,
        max(ends_at) over (
            partition by segment, person_id
            order by entered_at, ends_at
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from stays

),

-- A stay that begins before all earlier ones have ended continues them.
joined as (

    select
        *,
        sum(case when entered_at <= covered_until then 0 else 1 end) over (
            partition by segment, person_id
            order by entered_at, ends_at
            rows between unbounded preceding and current row
        ) as stay
    from followed

)

select
    segment,
    person_id,
    cast(stay as {{ dbt.type_bigint() }}) as stay,
    max(ends_at) = {{ end_of_time() }} as is_member,
    min(entered_at) as entered_at,
    case when max(ends_at) < {{ end_of_time() }} then max(ends_at) end as left_at
from joined
group by 1, 2, 3
