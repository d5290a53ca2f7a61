with

orders as (

    select
        person_id,
        cast({{ dbt.date_trunc('month', 'ordered_at') }} as date) as month_date
    from {{ ref('orders') }}
    where person_id is not null and status = 'placed'

),

months as (

    select distinct
        person_id,
        month_date,
        min(month_date) over (partition by person_id) as cohort_date
    from orders

),

numbered as (

    select
        cohort_date,
        cast(
            (extract(year from month_date) - extract(year from cohort_date)) * 12
            + extract(month from month_date) - extract(month from cohort_date)
            as {{ dbt.type_bigint() }}
        ) as month_number
    from months

),

counted as (

    select
        cohort_date,
        month_number,
        count(*) as active_count
    from numbered
    group by 1, 2

)

select
    cohort_date,
    month_number,
    first_value(active_count) over (partition by cohort_date order by month_number)
        as customer_count,
    active_count,
    {{ divide(
        'active_count',
        'first_value(active_count) over (partition by cohort_date order by month_number)'
    ) }} as retention_rate
from counted
