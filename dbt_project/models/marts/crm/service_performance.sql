-- noqa: disable=layout.indent
with

tickets as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'created_at') }} as date) as month_date
    from {{ ref('tickets') }}

)

select
    month_date,
    coalesce(priority, '(none)') as priority,
    count(*) as ticket_count,
    cast(sum(case when is_open then 1 else 0 end) as {{ dbt.type_bigint() }}) as backlog_count,
    count(first_response_at) as answered_count,
    count(solved_at) as solved_count,
    cast(sum(case when reopen_count > 0 then 1 else 0 end) as {{ dbt.type_bigint() }})
        as reopened_count,
    cast(sum(case when is_response_late then 1 else 0 end) as {{ dbt.type_bigint() }})
        as late_response_count,
    cast(sum(case when is_resolution_late then 1 else 0 end) as {{ dbt.type_bigint() }})
        as late_resolution_count,
    count(rating) as rated_count,
    cast(sum(case when rating = 'good' then 1 else 0 end) as {{ dbt.type_bigint() }})
        as satisfied_count,
    cast({{ divide("sum(case when rating = 'good' then 1 else 0 end)", 'count(rating)') }}
        as numeric(18, 6)) as satisfaction_rate,
    {%- for hours in ['response_hours', 'resolution_hours'] %}
    {%- set column = {'response_hours': 'first_response_hours'}.get(hours, hours) %}
    cast(
        percentile_cont(0.5) within group (order by cast({{ column }} as {{ type_double() }}))
        as numeric(18, 6)
    ) as median_{{ hours }}{{ ',' if not loop.last }}
    {%- endfor %}
from tickets
group by 1, 2
