-- The online shop, as its connector loads it.
create or replace view shop.customer as
select
    customer_id as id,
    spellings.email,
    spellings.phone,
    first_name,
    last_name,
    uniform('verified:' || customers.no) < 0.8 as verified_email,
    currency,
    iso(registered_at) as created_at,
    iso(updated_at) as updated_at,
    case when is_subscribed then 'subscribed' else 'not_subscribed' end
        as email_marketing_consent_state,
    case when is_subscribed then iso(registered_at) end
        as email_marketing_consent_consent_updated_at,
    iso(updated_at + 900) as _fivetran_synced,
    false as _fivetran_deleted
from customers
inner join spellings
    on spellings.source_name = 'shop' and spellings.source_table = 'customer'
    and spellings.record_id = customers.customer_id::varchar;

create or replace view shop.customer_address as
select
    7100000000000 + no as id,
    customer_id,
    true as is_default,
    city,
    null as province_code,
    country_code,
    lpad((no % 90000 + 1000)::varchar, 5, '0') as zip,
    iso(updated_at + 900) as _fivetran_synced
from customers;

create or replace view shop."order" as
select
    order_id as id,
    case when orders.has_account then 7000000000000 + orders.no end as customer_id,
    spellings.email,
    '#' || (orders.no * 10000 + orders.k) as name,
    orders.no * 10000 + orders.k as order_number,
    cart_id as cart_token,
    'k-' || cart_id[3:] as checkout_token,
    'web' as source_name,
    iso(ordered_at) as created_at,
    iso(ordered_at) as processed_at,
    iso(ordered_at + case when is_cancelled then 5400 else 60 end) as updated_at,
    case when is_cancelled then iso(ordered_at + 5400) end as cancelled_at,
    is_test as test,
    people.currency,
    money(subtotal - discount) as subtotal_price,
    money(discount) as total_discounts,
    money((subtotal - discount) * 19 // 119) as total_tax,
    money(subtotal - discount) as total_price,
    case
        when is_cancelled then 'voided'
        when order_id in (select order_id from refunds) then 'partially_refunded'
        else 'paid'
    end as financial_status,
    spellings.phone as billing_address_phone,
    people.city as shipping_address_city,
    people.country_code as shipping_address_country_code,
    '/' as landing_site_base_url,
    iso(ordered_at + 900) as _fivetran_synced,
    false as _fivetran_deleted
from orders
inner join people using (no)
inner join spellings
    on spellings.source_name = 'shop' and spellings.source_table = 'order'
    and spellings.record_id = orders.order_id::varchar;

create or replace view shop.order_line as
select
    order_line_id as id,
    order_id,
    position + 1 as index,
    product_id,
    product_id * 10 as variant_id,
    sku,
    title,
    quantity,
    money(price) as price,
    money(case when orders.discount > 0 then price * quantity // 10 else 0 end) as total_discount,
    iso(ordered_at + 900) as _fivetran_synced
from order_lines
inner join orders using (order_id);

create or replace view shop.refund as
select
    refund_id as id,
    order_id,
    iso(refunded_at) as created_at,
    iso(refunded_at) as processed_at,
    pick(['Too large', 'Broken on arrival', null, 'Changed my mind'], uniform('note:' || refund_id))
        as note,
    iso(refunded_at + 900) as _fivetran_synced
from refunds;

create or replace view shop.order_line_refund as
select
    refund_id * 10 as id,
    refund_id,
    order_line_id,
    quantity,
    money(price * quantity) as subtotal,
    money(price * quantity * 19 // 119) as total_tax,
    iso(refunded_at + 900) as _fivetran_synced
from refunds;

-- A checkout that was left; closed when the same cart was bought later in the shop.
create or replace view shop.abandoned_checkout as
with totals as (
    select
        no,
        k,
        sum(price * quantity)::bigint as subtotal
    from cart_lines
    group by no, k
)

select
    6000000000000 + visits.no * 10000 + visits.k as id,
    'k-' || cart_id[3:] as token,
    cart_id as cart_token,
    customer_id,
    coalesce(customers.shop_email, people.shop_email) as email,
    null as phone,
    iso(started_at + 27 * pace) as created_at,
    iso(started_at + 28 * pace) as updated_at,
    case when recovered_in = 'online' then iso(recovered_at) end as closed_at,
    people.currency,
    money(totals.subtotal) as subtotal_price,
    money(totals.subtotal) as total_price,
    iso(coalesce(case when recovered_in = 'online' then recovered_at end, started_at + 28 * pace) + 900)
        as _fivetran_synced
from visits
inner join people using (no)
inner join totals using (no, k)
left join customers using (no)
left join cart_recoveries using (no, k)
where visits.kind = 'checkout' and (customer_id is not null or people.is_guest);
