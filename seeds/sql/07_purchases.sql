-- Online orders with what came back, and receipts of the stores.
create or replace table orders as
with ordering as (
    select
        visits.*,
        5000000000000 + no * 10000 + k as order_id,
        started_at + 29 * pace + 3 as ordered_at,
        quota('test-order:' || k || ':', no) < 0.015 as is_test,
        quota('cancelled-order:' || k || ':', no) < 0.04 as is_cancelled
    from visits
    where kind = 'order'
),

totals as (
    select
        no,
        k,
        sum(price * quantity)::bigint as subtotal
    from cart_lines
    group by no, k
)

select
    ordering.*,
    totals.subtotal,
    case when chance_2 < 0.15 then totals.subtotal // 10 else 0 end as discount
from ordering
inner join totals using (no, k);

create or replace table order_lines as
select
    orders.order_id * 10 + cart_lines.position as order_line_id,
    orders.order_id,
    cart_lines.* exclude (no, k)
from orders
inner join cart_lines using (no, k);

create or replace table refunds as
select
    orders.order_id * 10 + 9 as refund_id,
    orders.order_id,
    order_lines.order_line_id,
    order_lines.price,
    1 as quantity,
    orders.ordered_at + 86400 * 3 + (86400 * 9 * uniform('refund-time:' || orders.order_id))::bigint
        as refunded_at
from orders
inner join order_lines
    on orders.order_id = order_lines.order_id and order_lines.position = 0
where not orders.is_test
    and not orders.is_cancelled
    and uniform('refund:' || orders.order_id) < 0.12
    and refunded_at < getvariable('extract_end') - 3600;

create or replace table store_receipts as
with planned as (
    select
        no,
        n,
        hash_of('receipt:' || no || ':' || n) as h,
        getvariable('extract_end') - 40000
        - (86400 * getvariable('extract_days') * part(h, 0) * (0.4 + 0.6 * part(h, 0)))::bigint
            as sold_at,
        null::bigint as cart_k
    from people, unnest(range(1 + below(4, uniform('receipts:' || no)))) as bought (n)
    where goes_to_store

    union all

    select
        no,
        1000 + k,
        hash_of('receipt:' || no || ':' || (1000 + k)),
        recovered_at,
        k
    from cart_recoveries
    where recovered_in = 'store'
)

select
    planned.*,
    'R' || lpad(planned.no::varchar, 7, '0') || '-' || planned.n as receipt_id,
    people.country_code || '-0' || (1 + below(3, part(planned.h, 1))) as store_id,
    people.currency,
    case
        when people.has_loyalty_card and part(planned.h, 2) < 0.8 then 'loyalty'
        when part(planned.h, 2) < 0.7 then 'email'
        when part(planned.h, 2) < 0.85 and people.phone_national is not null then 'phone'
        else 'nobody'
    end as known_by,
    part(planned.h, 3) < 0.1 and planned.sold_at < getvariable('extract_end') - 86400 * 14
        as is_returned,
    part(planned.h, 4) as chance
from planned
inner join people using (no);

create or replace table store_receipt_lines as
select
    receipts.receipt_id,
    positions.position,
    products.* exclude (product_id, product_path),
    1 as quantity
from store_receipts as receipts, unnest(range(1 + below(3, part(receipts.h, 5)))) as positions (position)
inner join products
    on products.product_no
        = 1 + below(40, uniform('bought:' || receipts.receipt_id || ':' || positions.position))
where receipts.cart_k is null

union all

select
    receipts.receipt_id,
    cart_lines.position,
    cart_lines.* exclude (no, k, position, product_id, quantity),
    cart_lines.quantity
from store_receipts as receipts
inner join cart_lines on receipts.no = cart_lines.no and receipts.cart_k = cart_lines.k;
