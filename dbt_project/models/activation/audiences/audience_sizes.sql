{#
    How many were in each segment after every run that moved somebody. The size is what was known
    then; who came and went is told of the people of today, so that a merge is neither.
#}
with

remembered as (

    select * from {{ segment_memberships() }}

),

history as (

    select * from {{ ref('membership_history') }}

),

moves as (

    select
        segment,
        entered_at as moved_at,
        1 as known,
        0 as entered,
        0 as departed
    from remembered

    union all

    select
        segment,
        left_at as moved_at,
        -1 as known,
        0 as entered,
        0 as departed
    from remembered
    where left_at is not null

    union all

    select
        segment,
        entered_at as moved_at,
        0 as known,
        1 as entered,
        0 as departed
    from history

    union all

    select
        segment,
        left_at as moved_at,
        0 as known,
        0 as entered,
        1 as departed
    from history
    where left_at is not null

),

moved as (

    select
        segment,
        moved_at,
        sum(known) as known,
        sum(entered) as entered,
        sum(departed) as departed
    from moves
    group by 1, 2

)

select
    segment,
    moved_at,
    cast(sum(known) over (
        partition by segment order by moved_at rows between unbounded preceding and current row
    ) as {{ dbt.type_bigint() }}) as member_count,
    cast(entered as {{ dbt.type_bigint() }}) as entered_count,
    cast(departed as {{ dbt.type_bigint() }}) as left_count
from moved
