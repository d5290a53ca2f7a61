{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
with

deals as (

    select
        *,
        coalesce(amount_reporting, 0) as value,
        {{ seconds_between(
            'cast(cast(created_at as date) as ' ~ dbt.type_timestamp() ~ ')',
            'cast(close_date as ' ~ dbt.type_timestamp() ~ ')'
        ) }} / 86400 as cycle_days
    from {{ ref('deals') }}

),

sold as (

    select
        coalesce(owner_id, '(none)') as owner_id,
        sum(case when is_closed then 0 else 1 end) as open_deal_count,
        sum(case when is_closed then 0 else value end) as open_amount,
        sum(case when is_won then 1 else 0 end) as won_deal_count,
        sum(case when is_won then value else 0 end) as won_amount,
        sum(case when is_closed and not is_won then 1 else 0 end) as lost_deal_count,
        avg(case when is_won then cycle_days end) as mean_days_to_win,
        avg(case when is_closed and not is_won then cycle_days end) as mean_days_to_lose
    from deals
    group by 1

),

worked as (

    select
        coalesce(owner_id, '(none)') as owner_id,
        sum(case when is_completed then 0 else 1 end) as open_task_count,
        sum(case when is_overdue then 1 else 0 end) as overdue_task_count,
        sum(case when is_completed then 1 else 0 end) as completed_task_count
    from {{ ref('tasks') }}
    group by 1

),

joined as (

    select
        coalesce(sold.owner_id, worked.owner_id) as owner_id,
        coalesce(sold.open_deal_count, 0) as open_deal_count,
        coalesce(sold.open_amount, 0) as open_amount,
        coalesce(sold.won_deal_count, 0) as won_deal_count,
        coalesce(sold.won_amount, 0) as won_amount,
        coalesce(sold.lost_deal_count, 0) as lost_deal_count,
        {{ divide('sold.won_deal_count', 'sold.won_deal_count + sold.lost_deal_count') }}
            as win_rate,
        {{ divide('sold.won_amount', 'sold.won_deal_count') }} as mean_won_amount,
        sold.mean_days_to_win,
        sold.mean_days_to_lose,
        coalesce(worked.open_task_count, 0) as open_task_count,
        coalesce(worked.overdue_task_count, 0) as overdue_task_count,
        coalesce(worked.completed_task_count, 0) as completed_task_count
    from sold
    full outer join worked on sold.owner_id = worked.owner_id

)

select
    owner_id,
    {%- for count in ['open_deal_count', 'won_deal_count', 'lost_deal_count'] %}
    cast({{ count }} as {{ dbt.type_bigint() }}) as {{ count }},
    {%- endfor %}
    {{ money('open_amount') }} as open_amount,
    {{ money('won_amount') }} as won_amount,
    cast(win_rate as numeric(18, 6)) as win_rate,
    {{ money('mean_won_amount') }} as mean_won_amount,
    cast(mean_days_to_win as numeric(18, 4)) as mean_days_to_win,
    cast(mean_days_to_lose as numeric(18, 4)) as mean_days_to_lose,
    {{ money(
        divide('open_deal_count * win_rate * mean_won_amount', 'mean_days_to_win')
    ) }} as velocity_per_day,
    {%- for count in ['open_task_count', 'overdue_task_count', 'completed_task_count'] %}
    cast({{ count }} as {{ dbt.type_bigint() }}) as {{ count }}{{ ',' if not loop.last }}
    {%- endfor %}
from joined
