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

-- What the libraries of site and app load, in the tables of their warehouse schema.
create or replace macro site_calls() as table
select * exclude (call_type, is_app, arrives_twice, context_device_id)
from calls
where not is_app and call_type = 'track';

create or replace macro app_calls() as table
select * exclude (
    call_type, is_app, arrives_twice, context_page_url, context_page_path, context_page_title,
    context_page_referrer
)
from calls
where is_app and call_type = 'track';

create or replace view web.identifies as
select * exclude (source_name, context_device_id)
from identify_rows
where source_name = 'web';

-- The tracking service delivers at least once: some page views come twice.
create or replace view web.pages as
select
    * exclude (
        call_type, is_app, arrives_twice, context_device_id, delivery, event, event_text, cart_id, order_id, product_id, sku, name,
        category, price, quantity, currency, revenue, products
    ),
    context_page_title as name,
    context_page_url as url,
    context_page_path as path,
    context_page_title as title,
    context_page_referrer as referrer
from calls, unnest(range(case when arrives_twice then 2 else 1 end)) as deliveries (delivery)
where call_type = 'page' and not is_app;

create or replace view web.tracks as
select * exclude (
    cart_id, order_id, product_id, sku, name, category, price, quantity, currency, revenue, products
)
from site_calls();

create or replace view web.product_viewed as
select *
from site_calls()
where event = 'product_viewed';

create or replace view web.product_added as
select *
from site_calls()
where event = 'product_added';

create or replace view web.product_removed as
select *
from site_calls()
where event = 'product_removed';

create or replace view web.checkout_started as
select *
from site_calls()
where event = 'checkout_started';

create or replace view web.order_completed as
select *
from site_calls()
where event = 'order_completed';

create or replace view app.identifies as
select * exclude (
    source_name, context_page_url, context_page_path, context_page_title, context_page_referrer
)
from identify_rows
where source_name = 'app';

create or replace view app.screens as
select
    * exclude (
        call_type, is_app, arrives_twice, context_page_url, context_page_path, context_page_title, context_page_referrer,
        event, event_text, cart_id, order_id, product_id, sku, name,
        category, price, quantity, currency, revenue, products
    ),
    context_page_title as name
from calls
where call_type = 'page' and is_app;

create or replace view app.tracks as
select * exclude (
    cart_id, order_id, product_id, sku, name, category, price, quantity, currency, revenue, products
)
from app_calls();

create or replace view app.product_viewed as
select *
from app_calls()
where event = 'product_viewed';

create or replace view app.product_added as
select *
from app_calls()
where event = 'product_added';
