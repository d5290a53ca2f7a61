with

purchases as (

    select * from {{ ref('int_purchases_counted') }}
    where order_count > 0

)

select
    person_id,
    cast(floor({{ seconds_between('last_order_at', as_of()) }} / 86400) as {{ dbt.type_bigint() }})
        as recency_days,
    order_count as frequency,
    net_revenue as monetary_value,
    cast(ntile(5) over (
        order by last_order_at, {{ byte_order('person_id') }}
    ) as {{ dbt.type_bigint() }}) as recency_score,
    cast(ntile(5) over (
        order by order_count, {{ byte_order('person_id') }}
    ) as {{ dbt.type_bigint() }}) as frequency_score,
    cast(ntile(5) over (
        order by net_revenue, {{ byte_order('person_id') }}
    ) as {{ dbt.type_bigint() }}) as monetary_score
from purchases
