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
            -- Whoever nobody knows is known for a short time only: cookies go away.
            when persona = 'visitor' then (86400 * 60 * part(h, 0) * part(h, 0))::bigint
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
