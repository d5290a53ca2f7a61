-- Every visit becomes calls to the tracking libraries: pages or screens, and events of the shop.
create or replace table visit_calls as
with drafts as (
    select
        no,
        k,
        step,
        'page' as call_type,
        null as event_name,
        case when step = 0 then '/' else '/collections' end as page_path,
        case when step = 0 then 'Home' else 'Collections' end as page_title,
        null::integer as position
    from visits, unnest(range(case when kind = 'bounce' or parent_k is not null then 1 else 2 end))
        as steps (step)

    union all

    select
        no,
        k,
        2 + 2 * position,
        'page',
        null,
        product_path,
        title,
        position
    from viewed_products

    union all

    select
        no,
        k,
        3 + 2 * position,
        'track',
        'product_viewed',
        product_path,
        title,
        position
    from viewed_products

    union all

    select
        no,
        k,
        20 + position,
        'track',
        'product_added',
        product_path,
        title,
        position
    from viewed_products
    where is_added

    union all

    select
        no,
        k,
        24,
        'track',
        'product_removed',
        '/cart',
        'Cart',
        position
    from viewed_products
    where is_added and (no, k, position) not in (select (no, k, position) from cart_lines)

    union all

    select
        no,
        k,
        step,
        case step when 26 then 'page' else 'track' end,
        case step when 27 then 'checkout_started' when 29 then 'order_completed' end,
        case step when 29 then '/checkout/thank-you' else '/checkout' end,
        'Checkout',
        null
    from visits, (values (26), (27), (29)) as steps (step)
    where kind = 'order' or kind = 'checkout' and step < 29

    union all

    -- Left in the code by a developer.
    select
        no,
        k,
        1,
        'track',
        'debug_ping',
        '/',
        'Home',
        null
    from visits
    where chance_2 between 0.10 and 0.115
)

select
    drafts.*,
    visits.* exclude (no, k, user_id),
    case when step >= login_step then user_id end as user_id,
    message_prefix || '-' || lpad(step::varchar, 2, '0') || left(call_type, 1) as message_id,
    started_at + step * pace as occurred_at
from drafts
inner join visits using (no, k)
where visits.parent_k is null or drafts.position is null;
