{# How many rows of each raw table landed, and what became of them. #}
with

judged as (

    {%- for source_name, table in raw_shaped_tables() %}
        select
            source_name,
            source_table,
            row_status
        from {{ ref('stg_' ~ source_name ~ '__' ~ table) }}
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}

),

counted as (

    select
        source_name,
        source_table,
        count(*) as landed,
        sum(case when row_status = 'accepted' then 1 else 0 end) as accepted,
        sum(case when row_status = 'quarantined' then 1 else 0 end) as quarantined,
        sum(case when row_status = 'duplicate' then 1 else 0 end) as duplicates
    from judged
    group by 1, 2

)

select
    source_name,
    source_table,
    landed,
    cast(accepted as {{ dbt.type_bigint() }}) as accepted,
    cast(quarantined as {{ dbt.type_bigint() }}) as quarantined,
    cast(duplicates as {{ dbt.type_bigint() }}) as duplicates
from counted
