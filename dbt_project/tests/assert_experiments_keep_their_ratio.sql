{#
    A sample ratio mismatch: the variants' sizes are further from their shares than chance makes them
    once in ten thousand (Pearson's chi-squared statistic, above its 0.9999 quantile). Then something
    decides on who is counted, and no result can be believed.
#}
with

shares as (

    {{ experiment_shares() }}

),

assigned as (

    select
        audience_id,
        variant,
        count(*) as person_count
    from {{ ref('audience_assignments') }}
    group by 1, 2

),

totals as (

    select
        audience_id,
        sum(person_count) as person_count
    from assigned
    group by 1

),

compared as (

    select
        shares.audience_id,
        shares.degrees_of_freedom,
        coalesce(assigned.person_count, 0) as observed,
        shares.share * totals.person_count as expected
    from shares
    inner join totals on shares.audience_id = totals.audience_id
    left join assigned
        on shares.audience_id = assigned.audience_id
        and shares.variant = assigned.variant

)

select
    audience_id,
    sum((observed - expected) * (observed - expected) / expected) as chi_squared
from compared
group by 1
having
    sum((observed - expected) * (observed - expected) / expected)
    > max(
        case degrees_of_freedom
            when 1 then 15.14
            when 2 then 18.42
            when 3 then 21.11
            else 23.51
        end
    )
