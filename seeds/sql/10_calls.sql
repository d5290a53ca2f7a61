-- Every visit becomes calls to the tracking libraries: pages or screens, and events of the shop.
-- 1 % of the calls come days late: phones that were offline, read when they came back.
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
        '/products/' || slug(title),
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
        '/products/' || slug(title),
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
        '/products/' || slug(title),
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

create or replace table late_visits as
with counted as (
    select
        no,
        k,
        any_value(started_at) as started_at,
        count(*) as call_count
    from visit_calls
    group by no, k
),

ranked as (
    select
        no,
        k,
        sum(call_count) over (order by hash_of('late:' || no || ':' || k), no, k) - call_count
            as calls_before,
        (select count(*) from visit_calls) as all_calls
    from counted
    where started_at < getvariable('extract_end') - 86400 * 6
)

select
    no,
    k,
    (86400 * (1.1 + 3.5 * uniform('late-by:' || no || ':' || k)))::bigint as late_by
from ranked
where calls_before < 0.011 * all_calls;

-- The same with the columns of the tracking schema, as text.
create or replace table calls as
with lines as (
    select
        no,
        k,
        string_agg(
            '{"product_id":"' || product_id || '","sku":"' || sku || '","name":"' || title
            || '","price":' || money(price) || ',"quantity":' || quantity || '}',
            ',' order by position
        ) as products
    from cart_lines
    group by no, k
),

described as (
    select
        calls.*,
        coalesce(late_by, 0) as late_by,
        products.* exclude (no, k, position, is_added, is_lapsed),
        lines.products as products_json,
        orders.order_id,
        orders.subtotal,
        orders.discount,
        campaigns.*
    from visit_calls as calls
    left join late_visits as late on calls.no = late.no and calls.k = late.k
    left join viewed_products as products
        on calls.no = products.no and calls.k = products.k and calls.position = products.position
    left join lines
        on calls.no = lines.no and calls.k = lines.k
        and calls.event_name in ('checkout_started', 'order_completed')
    left join orders
        on calls.no = orders.no and calls.k = orders.k and calls.event_name = 'order_completed'
    left join marketing_campaigns as campaigns
        on calls.step = 0 and calls.device <> 'app' and calls.chance < 0.42
        and campaigns.utm_campaign = pick(
            ['brand_search', 'autumn_lighting', 'autumn_sale', 'new_arrivals', 'weekly_letter',
                'design_blog'],
            calls.chance / 0.42
        )
)

select
    call_type,
    device = 'app' as is_app,
    event_name as event,
    upper(event_name[1:1]) || replace(event_name[2:], '_', ' ') as event_text,
    message_id as id,
    anonymous_id,
    user_id,
    iso(occurred_at + late_by + 2) as received_at,
    iso(occurred_at + late_by + 1) as sent_at,
    iso(occurred_at) as original_timestamp,
    case when call_type = 'page' and step = 1 and chance_2 < 0.006
        then '2026-13-45T99:00:00Z' else iso(occurred_at) end as timestamp,
    iso(occurred_at + late_by + 300) as uuid_ts,
    '203.0.113.' || (no % 250) as context_ip,
    case device
        when 'laptop' then 'Mozilla/5.0 (X11; Linux x86_64)'
        when 'tablet' then 'Mozilla/5.0 (iPad; CPU OS 18_0)'
        else 'Mozilla/5.0 (Linux; Android 15)'
    end as context_user_agent,
    case country_code
        when 'DE' then 'de-DE' when 'FR' then 'fr-FR' when 'US' then 'en-US' else 'en-GB'
    end as context_locale,
    'https://shop.example.com' || page_path as context_page_url,
    page_path as context_page_path,
    page_title as context_page_title,
    case when step = 0 and utm_medium = 'cpc' then 'https://search.example.com/' end
        as context_page_referrer,
    utm_source as context_campaign_source,
    utm_medium as context_campaign_medium,
    utm_campaign as context_campaign_name,
    case device when 'laptop' then 'desktop' when 'tablet' then 'tablet' else 'mobile' end
        as context_device_type,
    'd-' || anonymous_id[3:] as context_device_id,
    case when event_name in ('product_added', 'product_removed', 'checkout_started', 'order_completed')
        then cart_id end as cart_id,
    order_id,
    product_id,
    sku,
    title as name,
    product_type as category,
    money(price) as price,
    case when event_name <> 'product_viewed' then quantity end as quantity,
    case when event_name is not null and event_name <> 'debug_ping' then currency end as currency,
    money(subtotal - discount) as revenue,
    '[' || products_json || ']' as products,
    call_type = 'page' and step = 0 and chance_2 between 0.20 and 0.21 as arrives_twice
from described;

-- Identify calls happen within a visit and look like its first page.
create or replace table identify_rows as
with timed as (
    select
        identifies.*,
        visits.started_at + identifies.step * visits.pace + 1 as occurred_at,
        coalesce(late.late_by, 0) as late_by,
        visits.message_prefix || '-00p' as first_page_id
    from identify_calls as identifies
    inner join visits using (no, k)
    left join late_visits as late using (no, k)
)

select
    timed.source_name,
    timed.message_id as id,
    first_page.anonymous_id,
    timed.user_id,
    iso(timed.occurred_at + timed.late_by + 2) as received_at,
    iso(timed.occurred_at + timed.late_by + 1) as sent_at,
    iso(timed.occurred_at) as original_timestamp,
    iso(timed.occurred_at) as timestamp,
    iso(timed.occurred_at + timed.late_by + 300) as uuid_ts,
    first_page.context_ip,
    first_page.context_user_agent,
    first_page.context_locale,
    first_page.context_page_url,
    first_page.context_page_path,
    first_page.context_page_title,
    first_page.context_page_referrer,
    first_page.context_campaign_source,
    first_page.context_campaign_medium,
    first_page.context_campaign_name,
    first_page.context_device_type,
    first_page.context_device_id,
    spellings.email,
    spellings.phone,
    case when timed.has_email then people.first_name end as first_name,
    case when timed.has_email then people.last_name end as last_name,
    case when timed.has_email then people.city end as city,
    case when timed.has_email then people.country_code end as country
from timed
inner join calls as first_page on timed.first_page_id = first_page.id
inner join people on timed.no = people.no
inner join spellings
    on timed.source_name = spellings.source_name
    and spellings.source_table = 'identifies'
    and timed.message_id = spellings.record_id;
