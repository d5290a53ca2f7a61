-- Visits to the shop's site and app: who, when, on what device, how far they went.
-- Most of life happens near the end of the extract: half of it in the last five weeks.
create or replace table planned_visits as
with counted as (
    select
        *,
        case
            when persona = 'visitor' then 1 + below(2, uniform('visits:' || no))
            when persona = 'subscriber' and not has_account then 1
            when persona = 'business' and not has_account then 1
            when persona = 'store' then 0
            when is_lapsed then 4 + below(3, uniform('visits:' || no))
            else 1 + round(uniform('visits:' || no) * 2 * (getvariable('visits_per_person') - 1))::integer
        end as visit_count
    from people
),

drawn as (
    select
        counted.*,
        k,
        hash_of('visit:' || no || ':' || k) as h
    from counted, unnest(range(visit_count)) as visits (k)
),

timed as (
    select
        *,
        getvariable('extract_end') - 3700
        - case
            when is_lapsed then (86400 * (62 + 56 * part(h, 0)))::bigint
            else (86400 * getvariable('extract_days') * part(h, 0)
                * (0.25 + 0.75 * part(h, 0)))::bigint
        end as started_at,
        case
            when k > 0 and has_app and not is_lapsed and part(h, 1) < 0.5 then 'app'
            when k > 0 and has_second_device and part(h, 1) < 0.45 then 'laptop'
            else 'phone'
        end as device
    from drawn
)

select
    no,
    k,
    h,
    started_at,
    device,
    case
        when persona = 'visitor' then case
            when part(h, 2) < 0.30 then 'bounce'
            when part(h, 2) < 0.65 then 'browse'
            when part(h, 2) < 0.95 then 'cart'
            else 'checkout'
        end
        when not has_account and persona <> 'shopper' then 'browse'
        when is_guest and k = 0 then 'order'
        when is_lapsed then case when k < 3 or part(h, 2) < 0.6 then 'order' else 'browse' end
        when part(h, 2) < 0.18 then 'bounce'
        when part(h, 2) < 0.46 then 'browse'
        when part(h, 2) < 0.63 or device = 'app' then 'cart'
        when part(h, 2) < 0.74 then 'checkout'
        else 'order'
    end as kind,
    null::integer as parent_k
from timed

union all

-- Everyone in a household logs in on the shared tablet; its first member also looks around on it
-- without logging in.
select
    no,
    100 + k,
    hash_of('tablet-visit:' || no || ':' || k) as h,
    getvariable('extract_end') - 3700
    - (86400 * 70 * uniform('tablet-time:' || no || ':' || k))::bigint,
    'tablet',
    case when k = 0 then 'cart' else 'browse' end,
    null
from people, unnest(range(2)) as visits (k)
where household_no is not null
    and (k = 0 or no in (select min(no) from people where household_no is not null group by household_no));

-- Some carts are bought later: in the shop, with the same cart, or in a store.
create or replace table cart_recoveries as
select
    visits.no,
    visits.k,
    visits.started_at + 7200 + (part(visits.h, 4) * 2 * 86400)::bigint as recovered_at,
    case
        when people.goes_to_store and part(visits.h, 3) < 0.5 then 'store'
        when part(visits.h, 3) < 0.12 and visits.device <> 'tablet' then 'online'
    end as recovered_in
from planned_visits as visits
inner join people using (no)
where visits.kind in ('cart', 'checkout')
    and (people.has_account or people.is_guest and visits.kind = 'checkout')
    and recovered_in is not null
    and recovered_at < getvariable('extract_end') - 3700;

create or replace table visits as
with all_visits as (
    select * from planned_visits

    union all

    select
        no,
        1000 + k,
        hash_of('return:' || no || ':' || k),
        recovered_at,
        'phone',
        'order',
        k
    from cart_recoveries
    where recovered_in = 'online'
),

described as (
    select
        visits.*,
        people.* exclude (no),
        row_number() over (partition by no, device order by started_at desc, k) = 1
            as is_last_on_device,
        uniform('anonymous:' || no || ':' || k) as anonymity
    from all_visits as visits
    inner join people using (no)
),

-- Exactly 40 % of visits stay anonymous. Without an account there is no choice; with one, the last
-- visit on each own device is logged in, so that the device's history can be attributed at all.
ranked as (
    select
        *,
        case
            when not has_account or device = 'tablet' and k = 101 then 0
            when kind = 'order' or device = 'tablet' or is_last_on_device then 2
            else 1
        end as rank_group,
        row_number() over (order by rank_group, anonymity, no, k)
        <= ceil(0.40 * count(*) over ()) and rank_group < 2 as is_anonymous
    from described
),

with_devices as (
    select
        *,
        case when parent_k is null then h else hash_of('visit:' || no || ':' || parent_k) end
            as cart_hash,
        substr(hash_of('device:' || case when device = 'tablet' then 'household-' || household_no
            else no || ':' || device end), 1, 16) as device_hash,
        row_number() over (
            partition by no, device, is_anonymous order by started_at, k
        ) = 1 as is_first_of_kind
    from ranked
)

select
    no,
    k,
    h,
    'm' || left(h, 14) as message_prefix,
    'c-' || left(cart_hash, 14) as cart_id,
    started_at,
    device,
    'a-' || device_hash as anonymous_id,
    kind,
    parent_k,
    is_anonymous,
    has_account,
    case when not is_anonymous then user_id end as user_id,
    -- Steps below this one happen before the login; 99 = no login in this visit.
    case
        when is_anonymous then 99
        when device = 'tablet' or is_first_of_kind or part(h, 5) < 0.5 then 2
        else 0
    end as login_step,
    -- Without an account an address is left at the checkout, in the newsletter form, on a request.
    is_anonymous and not has_account and persona <> 'visitor'
    and (kind in ('order', 'checkout') or persona <> 'shopper') as leaves_email,
    1 + below(3, part(cart_hash, 3)) as view_count,
    6 + below(32, part(h, 4)) as pace,
    part(h, 1) as chance,
    part(h, 5) as chance_2,
    country_code,
    currency
from with_devices;

-- What was looked at and, from the first ones, put into the cart.
create or replace table viewed_products as
with drawn as (
    select
        visits.no,
        visits.k,
        position,
        hash_of('view:' || visits.no || ':' || coalesce(visits.parent_k, visits.k) || ':' || position)
            as h,
        visits.kind,
        visits.view_count
    from visits, unnest(range(3)) as positions (position)
    where visits.kind <> 'bounce'
)

select
    drawn.no,
    drawn.k,
    drawn.position,
    products.*,
    people.is_lapsed,
    case when people.is_lapsed then 3 else 1 end + below(2, part(drawn.h, 1)) as quantity,
    drawn.position <= below(3, part(drawn.h, 2))
    and drawn.kind in ('cart', 'checkout', 'order')
    or drawn.position = 0 and drawn.kind in ('cart', 'checkout', 'order') as is_added
from drawn
inner join products on products.product_no = 1 + below(40, part(drawn.h, 0))
inner join people on drawn.no = people.no
where drawn.position < drawn.view_count or drawn.position < 1;
