-- The truth: which record belongs to which person. A tablet shared by a household is nobody's, a
-- receipt that names nobody belongs to nobody, and test orders are not somebody's orders.
create or replace view truth.person_records as
with login_pairs as (
    select distinct
        case when device = 'app' then 'app' else 'web' end as source_name,
        'login/' || anonymous_id || '/' || user_id as source_id,
        no
    from visit_calls
    where user_id is not null and event_name is distinct from 'debug_ping'
),

devices as (
    select distinct
        case when device = 'app' then 'app' else 'web' end as source_name,
        'anonymous/' || anonymous_id as source_id,
        no
    from visits
    where device <> 'tablet'
),

records as (
    select
        source_name,
        source_table || '/' || case source_name
            when 'email' then (
                select members.list_id || '/' || members.member_id
                from members
                where members.list_id || '/' || members.no = spellings.record_id
            )
            else record_id
        end as source_id,
        no
    from spellings
    where not (source_name = 'pos' and source_table = 'receipts' and record_id in (
        select receipt_id
        from store_receipts
        where known_by = 'nobody'
    ))
    and not (source_table = 'order' and record_id in (
        select order_id::varchar
        from orders
        where is_test
    ))
),

consents as (
    select
        'consent' as source_name,
        'preferences/p' || left(consent_hash, 14) || '-' || n as source_id,
        no
    from consent_answers
)

select
    source_name,
    source_id,
    'person-' || no as person_key
from (
    from devices
    union all
    from login_pairs
    union all
    from records
    union all
    from consents
) as all_records;
