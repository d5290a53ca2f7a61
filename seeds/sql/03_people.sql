-- One row per person of this slice of the population, with everything that never changes.
-- `no` is global; households and companies never reach across slices.
create or replace table people as
with drawn as (
    select
        no,
        hash_of('person:' || no) as h,
        hash_of('person-more:' || no) as h2,
        quota('persona:', no) as persona_share,
        quota('country:', no) as country_share
    from range(getvariable('first_no'), getvariable('last_no')) as t (no)
),

cast_in_roles as (
    select
        *,
        case
            when persona_share < 0.14 then 'visitor'
            when persona_share < 0.20 then 'subscriber'
            when persona_share < 0.28 then 'store'
            when persona_share < 0.46 then 'business'
            else 'shopper'
        end as persona
    from drawn
),

with_roles as (
    select
        *,
        (row_number() over (partition by persona order by h, no) - 0.5)
        / count(*) over (partition by persona) as role_share,
        row_number() over (partition by persona order by h, no) - 1 as role_rank
    from cast_in_roles
),

with_accounts as (
    select
        *,
        case persona
            when 'shopper' then role_share < 0.88
            when 'business' then role_share < 0.60
            when 'subscriber' then role_share < 0.40
            else false
        end as has_account
    from with_roles
),

named as (
    select
        people.*,
        countries.* exclude (from_share, cities),
        pick(getvariable('first_names'), part(h, 0)) as first_name,
        pick(getvariable('name_heads'), part(h, 1)) || pick(getvariable('name_tails'), part(h, 2))
            as last_name,
        pick(countries.cities, part(h, 3)) as city,
        row_number() over (partition by people.has_account order by h2, no) - 1 as account_rank,
        count(*) over () as population
    from with_accounts as people
    asof inner join countries on people.country_share >= countries.from_share
),

placed as (
    select
        *,
        -- 5 % live in households of two or three that share one tablet.
        case when has_account and account_rank < greatest(5, ceil(population * 0.05)) then
            getvariable('first_no') + (account_rank // 5) * 2 + (account_rank % 5 >= 2)::integer
        end as household_no,
        case when persona = 'business' then getvariable('first_no') + role_rank // 4 end
            as company_no,
        persona = 'shopper' and role_share between 0.30 and 0.46 as is_lapsed,
        persona = 'shopper' and part(h2, 0) < 0.15
        or persona = 'store' as goes_to_store
    from named
)

select
    no,
    'person-' || no as person_key,
    persona,
    first_name,
    last_name,
    country_code,
    country_name,
    calling_code,
    trunk_prefix,
    currency,
    city,
    has_account,
    case when has_account then 'u-' || left(md5('user' || h), 14) end as user_id,
    slug(first_name) || '.' || slug(last_name) || no || '@example.'
    || case when part(h, 4) < 0.6 then 'com' when part(h, 4) < 0.85 then 'org' else 'net' end
        as email,
    -- Numbers reserved for fiction where libphonenumber accepts them (US 555-01xx), else mobiles.
    case when persona = 'business' or part(h, 5) < 0.7 then
        case country_code
            when 'US' then case when no < 2000
                then pick(['212', '312', '415', '503', '512', '617', '702', '206', '303', '404',
                    '305', '214', '216', '313', '412', '504', '602', '612', '713', '816'], no // 100 / 20.0)
                    || '55501' || lpad((no % 100)::varchar, 2, '0')
                else pick(['213', '310', '323', '408', '510', '619', '626', '650', '714', '818'],
                    no // 100000 % 10 / 10.0) || '34' || lpad((no % 100000)::varchar, 5, '0')
            end
            when 'GB' then '74' || lpad(no::varchar, 8, '0')
            when 'DE' then '151' || lpad((20000000 + no)::varchar, 8, '0')
            when 'FR' then '61' || lpad(no::varchar, 7, '0')
            when 'NL' then '61' || lpad(no::varchar, 7, '0')
            when 'ES' then '61' || lpad(no::varchar, 7, '0')
            when 'IE' then '85' || lpad(no::varchar, 7, '0')
            when 'AT' then '664' || lpad(no::varchar, 7, '0')
            else '79' || lpad(no::varchar, 7, '0')
        end
    end as phone_national,
    household_no,
    company_no,
    is_lapsed,
    goes_to_store,
    goes_to_store and part(h2, 1) < 0.7 as has_loyalty_card,
    has_account and part(h2, 2) < 0.25 as has_app,
    has_account and part(h2, 2) >= 0.70 as has_second_device,
    persona = 'subscriber' or persona = 'shopper' and part(h2, 3) < 0.55
    or persona = 'business' and part(h2, 3) < 0.3 and (has_account or part(h2, 4) < 0.7)
        as is_subscribed,
    persona = 'business' and part(h2, 4) < 0.7 as uses_work_email,
    persona = 'shopper' and not has_account as is_guest,
    role_share
from placed;
