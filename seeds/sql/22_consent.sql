-- The consent platform: asked at registration or in the newsletter form, sometimes changed later.
create or replace table consent_answers as
with asked as (
    select
        no,
        min(registered_at) as asked_at
    from customers
    group by no

    union all

    select
        no,
        min(signed_up_at)
    from newsletter_members
    where no not in (select no from customers)
    group by no
),

answers as (
    select
        people.*,
        asked.asked_at,
        purposes.*,
        hash_of('consent:' || asked.no || ':' || purpose) as consent_hash
    from asked
    inner join people using (no)
    cross join (
        values ('email_marketing', 'email', 0.84), ('advertising', 'ads', 0.68)
    ) as purposes (purpose, channel, willingness)
),

states as (
    select
        *,
        part(consent_hash, 0) < willingness as is_granted,
        part(consent_hash, 1) < 0.10 as changes_mind,
        asked_at + ((getvariable('extract_end') - 7200 - asked_at) * part(consent_hash, 2))::bigint
            as changed_at
    from answers
)

select
    *,
    0 as n,
    is_granted as state,
    asked_at as occurred_at
from states

union all

select
    *,
    1,
    not is_granted,
    changed_at
from states
where changes_mind;

create or replace view consent.preferences as
select
    'p' || left(consent_hash, 14) || '-' || n as id,
    shop_email as email,
    user_id,
    purpose,
    channel,
    case when state then 'granted' else 'denied' end as state,
    'consent' as legal_basis,
    case when n = 0 then 'registration_form' else 'preference_centre' end as source,
    iso(occurred_at) as occurred_at,
    iso(occurred_at + 120) as received_at
from consent_answers;
