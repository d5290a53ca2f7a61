-- The tills of the stores, and the loyalty programme.
create or replace view pos.receipts as
select
    receipt_id,
    store_id,
    case when known_by = 'loyalty' then 'L' || lpad(receipts.no::varchar, 7, '0') end as loyalty_id,
    spellings.email,
    spellings.phone,
    iso(sold_at) as sold_at,
    currency,
    money(total) as total_amount,
    case when chance < 0.7 then 'card' else 'cash' end as payment_method,
    null as return_of_receipt_id
from store_receipts as receipts
inner join spellings
    on spellings.source_name = 'pos' and spellings.record_id = receipts.receipt_id
inner join (
    select
        receipt_id,
        sum(price * quantity)::bigint as total
    from store_receipt_lines as receipt_lines
    group by receipt_id
) as totals using (receipt_id)

union all

-- Something comes back with the receipt in hand: the till asks for no name.
select
    receipt_id || '-back',
    store_id,
    null,
    null,
    null,
    iso(sold_at + 86400 * 5),
    receipts.currency,
    money(-price),
    'card',
    receipt_id
from store_receipts as receipts
inner join store_receipt_lines as receipt_lines using (receipt_id)
where is_returned and receipt_lines.position = 0;

create or replace view pos.receipt_lines as
select
    receipt_id || '-' || (position + 1) as receipt_line_id,
    receipt_id,
    sku,
    title as product_name,
    quantity,
    money(price) as unit_price
from store_receipt_lines as receipt_lines

union all

select
    receipt_id || '-back-1',
    receipt_id || '-back',
    sku,
    title,
    -1,
    money(price)
from store_receipts as receipts
inner join store_receipt_lines as receipt_lines using (receipt_id)
where is_returned and receipt_lines.position = 0;

create or replace view pos.loyalty_members as
select
    spellings.record_id as loyalty_id,
    spellings.email,
    spellings.phone,
    first_name,
    last_name,
    iso(getvariable('extract_end') - 86400 * 130 - 3600 * (people.no % 900)) as joined_at
from people
inner join spellings
    on people.no = spellings.no
    and spellings.source_name = 'pos' and spellings.source_table = 'loyalty_members';
