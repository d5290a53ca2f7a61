-- Everybody's mentions: (record, person, address that was meant, whether something else on the
-- record tells who it is).
create or replace table customer_mentions as
select
    source_name,
    'identifies' as source_table,
    message_id as record_id,
    no,
    case
        when not has_email then null
        when calls.user_id is null then coalesce(work_email, shop_email)
        else shop_email
    end as email,
    case when has_email then phone_national end as phone_national,
    calls.user_id is not null as has_other_link,
    true as has_country
from identify_calls as calls
inner join people using (no)

union all

select
    'shop',
    'customer',
    customer_id::varchar,
    no,
    shop_email,
    case when company_no is not null or uniform('customer-phone:' || no) < 0.7
        then phone_national end,
    phone_national is not null,
    true
from customers

union all

select
    'shop',
    'order',
    order_id::varchar,
    no,
    people.shop_email,
    case when chance < 0.5 then people.phone_national end,
    orders.has_account,
    true
from orders
inner join people using (no)

union all

select
    'pos',
    'receipts',
    receipt_id,
    no,
    case when known_by = 'email' then people.shop_email end,
    case when known_by = 'phone' then people.phone_national end,
    false,
    false
from store_receipts as receipts
inner join people using (no)

union all

select
    'pos',
    'loyalty_members',
    'L' || lpad(no::varchar, 7, '0'),
    no,
    shop_email,
    phone_national,
    phone_national is not null,
    false
from people
where has_loyalty_card;
