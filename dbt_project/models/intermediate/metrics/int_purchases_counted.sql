{#
    What each person bought, all channels together. A day with several orders is one purchase, as in
    the literature on buying processes: repeat_count (x) counts the days after the first one, the
    weeks are those from the first purchase to the last one (t_x) and to the instant looked at (T).
    Gaps and the silence since the last purchase are counted in the same days. Days are days of UTC.
#}
with

orders as (

    select * from {{ ref('orders') }}
    where person_id is not null and status = 'placed'

),

-- A return that names its order is in the order's net revenue already.
returned as (

    select
        person_id,
        sum(amount_reporting) as amount_reporting
    from {{ ref('returns') }}
    where person_id is not null and order_id is null
    group by 1

),

bought as (

    select
        person_id,
        count(*) as order_count,
        sum(net_revenue) as net_revenue,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at,
        cast(cast(min(ordered_at) as date) as {{ dbt.type_timestamp() }}) as first_day_at,
        cast(cast(max(ordered_at) as date) as {{ dbt.type_timestamp() }}) as last_day_at
    from orders
    group by 1

),

days as (

    select
        person_id,
        cast(cast(ordered_at as date) as {{ dbt.type_timestamp() }}) as day_at,
        sum(net_revenue) as net_revenue
    from orders
    group by 1, 2

),

gaps as (

    select
        *,
        row_number() over (partition by person_id order by day_at desc) as recency,
        {{ seconds_between('lag(day_at) over (partition by person_id order by day_at)', 'day_at') }}
        / 86400 as gap_days
    from days

),

repeated as (

    select
        person_id,
        count(gap_days) as repeat_count,
        max(case when recency = 1 then gap_days end) as last_gap_days,
        avg(case when gap_days is not null then net_revenue end) as mean_repeat_value,
        percentile_cont(0.5) within group (order by gap_days) as median_gap_days
    from gaps
    group by 1

)

select
    coalesce(bought.person_id, returned.person_id) as person_id,
    coalesce(bought.order_count, 0) as order_count,
    {{ money('coalesce(bought.net_revenue, 0) - coalesce(returned.amount_reporting, 0)') }}
        as net_revenue,
    bought.first_order_at,
    bought.last_order_at,
    repeated.repeat_count,
    {{ money('repeated.mean_repeat_value') }} as mean_repeat_value,
    repeated.median_gap_days,
    repeated.last_gap_days,
    {{ seconds_between('bought.first_day_at', 'bought.last_day_at') }} / 604800 as recency_weeks,
    {{ seconds_between('bought.first_day_at', 'cast(' ~ as_of() ~ ' as date)') }} / 604800
        as age_weeks,
    {{ seconds_between('bought.last_day_at', 'cast(' ~ as_of() ~ ' as date)') }} / 86400
        as silent_days,
    {{ as_of() }} as counted_at
from bought
left join repeated on bought.person_id = repeated.person_id
full outer join returned on bought.person_id = returned.person_id
