-- What is wrong with the data on purpose, counted in what was made, with the least that is promised.
create or replace view truth.rates as
select
    'e-mails mistyped' as phenomenon,
    count(*) filter (where email_kind = 'mistyped') as hits,
    count(email) as total,
    0.02 as promised
from spellings

union all

select
    'identifiers that are junk',
    count(*) filter (where email_kind = 'junk') + count(*) filter (where phone_kind = 'junk')
    + any_value(scripts.junk_ids),
    count(email) + count(phone) + any_value(scripts.ids),
    0.01
from spellings, (
    select
        count(user_id) as ids,
        count(*) filter (where user_id in (select unnest(getvariable('junk_user_ids')))) as junk_ids
    from identify_calls
) as scripts

union all

select
    'people on a shared device',
    count(household_no),
    count(*),
    0.05
from people

union all

select
    'visits that stay anonymous',
    count(*) filter (where is_anonymous),
    count(*),
    0.40
from visits

union all

select
    'CRM records that are duplicates',
    (select count(*) from crm_duplicates),
    (select count(*) from spellings where (source_name, source_table) in (
        ('crm', 'contact'), ('hubspot', 'contact')
    )),
    0.03

union all

select
    'events that arrive days late',
    count(late.late_by),
    count(*),
    0.01
from visit_calls as calls
left join late_visits as late using (no, k);
