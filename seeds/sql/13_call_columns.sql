-- 1 % of the calls come days late: phones that were offline, read when they came back.
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

-- What a call is joined to, as keys: a condition on one side only would make the join quadratic.
keyed as (
    select
        *,
        case when event_name in ('checkout_started', 'order_completed') then k end as lines_k,
        case when event_name = 'order_completed' then k end as order_k,
        case when step = 0 and device <> 'app' and chance < 0.42 then pick(
            ['brand_search', 'autumn_lighting', 'autumn_sale', 'new_arrivals', 'weekly_letter',
                'design_blog'],
            chance / 0.42
        ) end as campaign
    from visit_calls
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
    from keyed as calls
    left join late_visits as late on calls.no = late.no and calls.k = late.k
    left join viewed_products as products
        on calls.no = products.no and calls.k = products.k and calls.position = products.position
    left join lines on calls.no = lines.no and calls.lines_k = lines.k
    left join orders on calls.no = orders.no and calls.order_k = orders.k
    left join marketing_campaigns as campaigns on calls.campaign = campaigns.utm_campaign
)

select
    call_type,
    device = 'app' as is_app,
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
    event_name as event,
    upper(event_name[1:1]) || replace(event_name[2:], '_', ' ') as event_text,
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
