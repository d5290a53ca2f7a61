-- What does not depend on the people: catalogue, staff, campaigns, advertising.
create or replace view shop.product as
select
    product_id as id,
    title,
    product_type,
    'Seamline House' as vendor,
    'active' as status,
    iso(getvariable('extract_end') - 86400 * 300) as created_at,
    iso(getvariable('extract_end') - 86400 * 119) as _fivetran_synced
from products;

create or replace view crm."user" as
select
    salesforce_id('005', n) as id,
    'seller' || n || '@sales.example.com' as email,
    pick(['Petra Pebbleham', 'Ravi Russetley', 'Susa Saffronmere', 'Theo Thistlegate'], (n - 1) / 4.0)
        as name,
    n < 4 as is_active,
    iso(getvariable('extract_end') - 86400 * 119) as _fivetran_synced
from unnest(range(1, 5)) as sellers (n);

create or replace view crm.campaign as
select
    salesforce_id('701', n) as id,
    pick(['Autumn trade fair', 'Office catalogue'], (n - 1) / 2.0) as name,
    pick(['Trade Show', 'Direct Mail'], (n - 1) / 2.0) as type,
    pick(['Completed', 'In Progress'], (n - 1) / 2.0) as status,
    day_of(getvariable('extract_end') - 86400 * (50 - 10 * n)) as start_date,
    day_of(getvariable('extract_end') - 86400 * (30 - 20 * n)) as end_date,
    n * 4000 as budgeted_cost,
    n * 3500 as actual_cost,
    iso(getvariable('extract_end') - 86400 * 70) as created_date,
    false as is_deleted,
    iso(getvariable('extract_end') - 86400 * 20) as _fivetran_synced
from unnest(range(1, 3)) as campaigns (n);

create or replace view hubspot.owner as
select
    70 + n as owner_id,
    'marketer' || n || '@sales.example.com' as email,
    pick(['Ines', 'Milo', 'Vera'], (n - 1) / 3.0) as first_name,
    pick(['Amberdale', 'Kestrelwick', 'Ochreley'], (n - 1) / 3.0) as last_name,
    iso(getvariable('extract_end') - 86400 * 119) as _fivetran_synced
from unnest(range(1, 4)) as owners (n);

create or replace view hubspot.deal_pipeline_stage as
select
    stage_id,
    'samples' as pipeline_id,
    label,
    probability,
    is_closed,
    closed_won,
    display_order,
    iso(getvariable('extract_end') - 86400 * 119) as _fivetran_synced
from (values
    ('requested', 'Requested', 0.2, false, false, 0), ('sent', 'Samples sent', 0.5, false, false, 1),
    ('won', 'Order placed', 1.0, true, true, 2), ('lost', 'No interest', 0.0, true, false, 3)
) as stages (stage_id, label, probability, is_closed, closed_won, display_order);

create or replace view email.list as
select
    id,
    name,
    iso(getvariable('extract_end') - 86400 * 300) as date_created,
    iso(getvariable('extract_end') - 86400 * 119) as _fivetran_synced
from (values ('weekly', 'Weekly letter'), ('products', 'New products')) as lists (id, name);

create or replace view email.campaign as
select
    campaign_id as id,
    list_id,
    'regular' as type,
    'sent' as status,
    case list_id when 'weekly' then 'Weekly letter ' else 'New products ' end || (100 - number) as title,
    case list_id when 'weekly' then 'This week at Seamline House' else 'Just arrived' end as subject_line,
    iso(sent_at - 86400) as create_time,
    iso(sent_at) as send_time,
    iso(sent_at + 900) as _fivetran_synced
from letters;

-- One export of the ad platforms went wrong on one day: its spend is no number.
create or replace view ads.spend as
select
    day_of(getvariable('extract_end') - 86400 * day) as date,
    platform,
    campaign_id,
    utm_campaign as campaign_name,
    case when day = 40 and campaign_id = 'g-102' then 'n/a' else money(cents) end as spend,
    'EUR' as currency,
    cents // 4 as impressions,
    cents // 90 as clicks
from (
    select
        *,
        (daily_spend * (0.7 + 0.6 * uniform('spend:' || campaign_id || ':' || day)))::bigint as cents
    from marketing_campaigns,
        unnest(range(1, getvariable('extract_days') + 1)) as days (day)
    where platform is not null
) as spending;
