with

deliveries as (

    {{ ledger_rows('sync_changelog', {
        'sync': dbt.type_string(),
        'audience': dbt.type_string(),
        'status': dbt.type_string(),
        'occurred_at': dbt.type_timestamp(),
        'recorded_at': dbt.type_timestamp(),
    }) }}

),

measured as (

    select
        sync,
        audience,
        cast(recorded_at as date) as delivery_date,
        {{ seconds_between('occurred_at', 'recorded_at') }} as latency_seconds
    from deliveries
    where status = 'acknowledged' and occurred_at is not null

),

ranked as (

    select
        *,
        row_number() over (
            partition by sync, audience, delivery_date order by latency_seconds
        ) as place,
        count(*) over (partition by sync, audience, delivery_date) as deliveries
    from measured

)

-- Percentiles by nearest rank: the smallest latency that so many deliveries did not exceed.
select
    sync,
    audience,
    delivery_date,
    count(*) as deliveries,
    min(case when place >= 0.5 * deliveries then latency_seconds end) as median_seconds,
    min(case when place >= 0.95 * deliveries then latency_seconds end) as slowest_twentieth_seconds,
    max(latency_seconds) as longest_seconds
from ranked
group by 1, 2, 3
