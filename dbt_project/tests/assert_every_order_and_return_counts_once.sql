{# Orders and returns without a customer stay in; nothing is lost or doubled on the way to marts. #}
with

staged_orders as (

    {{ union_sources('orders', {'gross_amount': 'money', 'ordered_at': 'timestamp'}) }}

),

staged_returns as (

    {{ union_sources('returns', {'amount': 'money', 'returned_at': 'timestamp'}) }}

),

counted as (

    select
        'orders' as entity,
        source_name,
        1 as staged,
        0 as published,
        gross_amount as amount
    from staged_orders
    where ordered_at <= {{ as_of() }}

    union all

    select
        'orders' as entity,
        source_name,
        0 as staged,
        1 as published,
        -gross_amount as amount
    from {{ ref('orders') }}

    union all

    select
        'returns' as entity,
        source_name,
        1 as staged,
        0 as published,
        amount
    from staged_returns
    where returned_at <= {{ as_of() }}

    union all

    select
        'returns' as entity,
        source_name,
        0 as staged,
        1 as published,
        -amount as amount
    from {{ ref('returns') }}

)

select
    entity,
    source_name,
    sum(staged) as staged,
    sum(published) as published,
    sum(amount) as amount_apart
from counted
group by 1, 2
having sum(staged) <> sum(published) or sum(amount) <> 0
