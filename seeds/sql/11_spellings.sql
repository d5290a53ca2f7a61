-- What was typed in the end. Fixed shares of all mentions: 2.5 % of addresses mistyped, 1.2 % of
-- addresses and phones junk; a twelfth differs in case or has blanks around it.
create or replace table spellings as
with drawn as (
    select
        mentions.*,
        calling_code,
        trunk_prefix,
        company_no,
        hash_of('spelling:' || source_name || source_table || record_id) as h,
        -- Most errors fall on records that something else identifies: the others cannot be found.
        part(h, 0) * case when has_other_link then 0.2 else 1 end as luck
    from mentions
    inner join people using (no)
),

ranked_emails as (
    select
        *,
        (row_number() over (partition by email is null order by luck, h) - 0.5)
        / count(*) over (partition by email is null) as email_share
    from drawn
),

with_emails as (
    select
        *,
        case
            when email is null then null
            when email_share < 0.025 then 'mistyped'
            when email_share < 0.037 and source_name <> 'email' then 'junk'
            else 'right'
        end as email_kind
    from ranked_emails
),

ranked_phones as (
    select
        *,
        -- Where the phone is all that ties a work address to a private one, it stays right.
        (row_number() over (
            partition by phone_national is null
            order by case when email_kind = 'right' and company_no is null then part(h, 1) else 1 end, h
        ) - 0.5) / count(*) over (partition by phone_national is null) as phone_share
    from with_emails
)

select
    source_name,
    source_table,
    record_id,
    no,
    email_kind,
    case
        when email_kind = 'mistyped' then mistype(email, part(h, 2))
        when email_kind = 'junk' then pick(getvariable('junk_emails'), part(h, 2))
        when part(h, 3) < 0.04 then upper(email)
        when part(h, 3) < 0.07 then upper(email[1:1]) || email[2:]
        when part(h, 3) < 0.085 then ' ' || email || ' '
        else email
    end as email,
    case
        when phone_national is null then null
        when phone_share < 0.012 then 'junk'
        else 'right'
    end as phone_kind,
    case
        when phone_share < 0.012 and phone_national is not null
            then pick(getvariable('junk_phones'), part(h, 4))
        else spell_phone(calling_code, trunk_prefix, phone_national, part(h, 4), has_country)
    end as phone
from ranked_phones;
