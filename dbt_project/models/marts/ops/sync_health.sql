{# Syncs come after a build, so that the newest runs are in here from the next one on. #}
{%- set operations = ['added', 'changed', 'removed', 'merged', 'appended'] -%}
{%- set counts = [
    'held_back', 'acknowledged', 'rejected', 'skipped', 'pending', 'requests', 'retries'
] -%}
{%- set columns = {
    'sync': dbt.type_string(),
    'status': dbt.type_string(),
    'started_at': dbt.type_timestamp(),
    'duration_seconds': type_double(),
    'warehouse_seconds': type_double(),
    'audiences': dbt.type_bigint(),
} -%}
{%- for name in operations + counts -%}
    {%- do columns.update({name: dbt.type_bigint()}) -%}
{%- endfor -%}
with

runs as (

    {{ ledger_rows('sync_runs', columns) }}

),

summed as (

    select
        sync,
        cast(started_at as date) as run_date,
        count(*) as runs,
        sum(case when status = 'refused' then 1 else 0 end) as refused_runs,
        sum(case when status = 'failed' then 1 else 0 end) as failed_runs,
        sum(
            {%- for name in operations %}
                coalesce({{ name }}, 0){{ ' +' if not loop.last }}
            {%- endfor %}
        ) as planned,
        {%- for name in counts %}
            sum(coalesce({{ name }}, 0)) as {{ name }},
        {%- endfor %}
        sum(duration_seconds) as duration_seconds,
        sum(case when warehouse_seconds is not null then audiences end) as audiences,
        sum(warehouse_seconds) as warehouse_seconds
    from runs
    where status <> 'sending'
    group by 1, 2

)

select
    sync,
    run_date,
    runs,
    cast(refused_runs as {{ dbt.type_bigint() }}) as refused_runs,
    cast(failed_runs as {{ dbt.type_bigint() }}) as failed_runs,
    cast(planned as {{ dbt.type_bigint() }}) as planned,
    {%- for name in counts %}
        cast({{ name }} as {{ dbt.type_bigint() }}) as {{ name }},
    {%- endfor %}
    duration_seconds,
    {{ divide('acknowledged', 'duration_seconds') }} as rows_per_second,
    {{ divide('warehouse_seconds', 'audiences') }} as warehouse_seconds_per_audience
from summed
