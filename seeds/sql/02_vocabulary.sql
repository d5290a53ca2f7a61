-- One schema for each source; its views are the files of the extract.
create schema web;
create schema app;
create schema shop;
create schema pos;
create schema crm;
create schema hubspot;
create schema desk;
create schema email;
create schema ads;
create schema consent;
create schema truth;

-- The extract ends at the end of October 2026 and reaches back 120 days.
set variable extract_end = epoch(timestamp '2026-11-01 00:00:00')::bigint;
set variable extract_days = 120;

set variable first_names = [
    'Ada', 'Alba', 'Amélie', 'Anouk', 'Arlo', 'Astrid', 'Aurel', 'Bea', 'Björn', 'Bruno', 'Caio',
    'Chloé', 'Cleo', 'Dagny', 'Dara', 'Edda', 'Elio', 'Enno', 'Esme', 'Fenja', 'Finn', 'Flora',
    'Greta', 'Hanno', 'Idris', 'Ines', 'Iris', 'Jonas', 'Jürgen', 'Kaya', 'Lara', 'Leni', 'Lior',
    'Luca', 'Maja', 'Malik', 'Mara', 'Milo', 'Nadia', 'Nils', 'Noor', 'Odile', 'Oskar', 'Paula',
    'Pía', 'Quinn', 'Rafa', 'Ronja', 'Rosa', 'Saskia', 'Selma', 'Søren', 'Tamsin', 'Theo', 'Tilda',
    'Ugo', 'Vera', 'Wim', 'Yara', 'Zoë'
];

-- Surnames are put together from two halves, so that nobody real is meant.
set variable name_heads = [
    'Amber', 'Brindle', 'Copper', 'Dapple', 'Elder', 'Fennel', 'Garnet', 'Hazel', 'Indigo', 'Juniper',
    'Kestrel', 'Linden', 'Marble', 'Nettle', 'Ochre', 'Pebble', 'Quartz', 'Russet', 'Saffron', 'Thistle'
];
set variable name_tails = [
    'brook', 'combe', 'dale', 'field', 'gate', 'ham', 'ley', 'mere', 'ridge', 'shaw', 'stead', 'wick'
];
set variable company_tails = ['Works', 'Freight', 'Optics', 'Foods', 'Textiles', 'Energy', 'Studio', 'Labs'];
set variable industries = ['Retail', 'Logistics', 'Hospitality', 'Manufacturing', 'Media', 'Energy'];
set variable job_titles = [
    'Buyer', 'Office Manager', 'Head of Procurement', 'Facilities Lead', 'Founder', 'Finance Director'
];

create table countries as
select *
from (values
    (0.00, 'GB', 'United Kingdom', '44', '0', 'GBP', ['London', 'Leeds', 'Bristol', 'Glasgow']),
    (0.28, 'DE', 'Germany', '49', '0', 'EUR', ['Berlin', 'Köln', 'Leipzig', 'München']),
    (0.48, 'FR', 'France', '33', '0', 'EUR', ['Paris', 'Lyon', 'Nantes', 'Lille']),
    (0.60, 'US', 'United States', '1', '1', 'USD', ['Portland', 'Austin', 'Chicago', 'Boston']),
    (0.76, 'NL', 'Netherlands', '31', '0', 'EUR', ['Utrecht', 'Rotterdam', 'Groningen']),
    (0.83, 'ES', 'Spain', '34', '', 'EUR', ['Madrid', 'Valencia', 'Bilbao']),
    (0.88, 'IE', 'Ireland', '353', '0', 'EUR', ['Dublin', 'Cork', 'Galway']),
    (0.92, 'AT', 'Austria', '43', '0', 'EUR', ['Wien', 'Graz', 'Linz']),
    (0.96, 'CH', 'Switzerland', '41', '0', 'CHF', ['Zürich', 'Bern', 'Basel'])
) as t (
    from_share, country_code, country_name, calling_code, trunk_prefix, currency, cities
);

create table products as
select
    row_number() over () as product_no,
    8100000000 + row_number() over () as product_id,
    'SL-' || (1000 + row_number() over ()) as sku,
    style || ' ' || thing as title,
    '/products/' || slug(title) as product_path,
    kind as product_type,
    base_price + surcharge as price
from (values
    ('Desk Lamp', 'Lighting', 4900), ('Floor Lamp', 'Lighting', 12900), ('Mug', 'Kitchen', 1400),
    ('Teapot', 'Kitchen', 3900), ('Bread Board', 'Kitchen', 2900), ('Blanket', 'Textiles', 6900),
    ('Cushion', 'Textiles', 2500), ('Notebook', 'Paper', 1200), ('Wall Clock', 'Decor', 5900),
    ('Vase', 'Decor', 3400)
) as things (thing, kind, base_price),
(values ('Oak', 0), ('Slate', 500), ('Linen', 900), ('Brass', 2100)) as styles (style, surcharge);

create table marketing_campaigns as
select *
from (values
    ('google', 'cpc', 'brand_search', 'g-101', 'google', 9000),
    ('google', 'cpc', 'autumn_lighting', 'g-102', 'google', 14000),
    ('facebook', 'paid_social', 'autumn_sale', 'm-201', 'meta', 11000),
    ('instagram', 'paid_social', 'new_arrivals', 'm-202', 'meta', 7000),
    ('newsletter', 'email', 'weekly_letter', null, null, 0),
    ('partner', 'referral', 'design_blog', null, null, 0)
) as t (utm_source, utm_medium, utm_campaign, campaign_id, platform, daily_spend);

-- What people type when a form insists. Nobody may ever be found by one of these.
set variable junk_emails = ['test@test.com', 'noreply@example.com', 'none@example.com'];
set variable junk_phones = ['000-0000', '0000000000', '123456789'];
set variable junk_user_ids = ['anonymous', 'null', 'undefined'];
