with

orders as (

    {{ union_sources('orders', {
        'order_id': 'string',
        'order_channel': 'string',
        'status': 'string',
        'currency': 'string',
        'cart_id': 'string',
        'gross_amount': 'money',
        'discount_amount': 'money',
        'ordered_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

)

select
    orders.*,
    person_records.person_id
from orders
left join person_records
    on orders.source_name = person_records.source_name
    and orders.source_id = person_records.source_id
where orders.ordered_at <= {{ as_of() }}
