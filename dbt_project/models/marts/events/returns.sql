with

returns as (

    {{ union_sources('returns', {
        'return_id': 'string',
        'order_id': 'string',
        'order_line_id': 'string',
        'quantity': 'bigint',
        'amount': 'money',
        'currency': 'string',
        'returned_at': 'timestamp',
    }) }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

rates as (

    select * from {{ ref('int_exchange_rates_dated') }}

)

select
    returns.return_id,
    returns.order_id,
    returns.order_line_id,
    -- Whoever bought it has returned it; without an order, the record itself may say who it was.
    coalesce(orders.person_id, person_records.person_id) as person_id,
    returns.source_name,
    returns.quantity,
    {{ money('returns.amount') }} as amount,
    returns.currency,
    {{ money('returns.amount * rates.reporting_rate') }} as amount_reporting,
    returns.returned_at
from returns
left join orders on returns.order_id = orders.order_id
left join person_records
    on returns.source_name = person_records.source_name
    and returns.source_id = person_records.source_id
left join rates
    on returns.currency = rates.currency_code
    and coalesce(orders.ordered_at, returns.returned_at) >= rates.valid_from
    and coalesce(orders.ordered_at, returns.returned_at) < rates.valid_until
where returns.returned_at <= {{ as_of() }}
