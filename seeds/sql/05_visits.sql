-- The visits that happen: those planned and those that come back for a cart.
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
