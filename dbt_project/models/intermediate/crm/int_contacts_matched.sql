{#
    Contact records that are still in use, with their person and company. Where a CRM does not say
    for whom somebody works, the domain of the e-mail address does.
#}
with

contacts as (

    {{ union_sources('contacts', {
        'contact_id': 'string',
        'account_id': 'string',
        'owner_id': 'string',
        'email': 'string',
        'phone': 'string',
        'first_name': 'string',
        'last_name': 'string',
        'job_title': 'string',
        'company_name': 'string',
        'lifecycle_stage': 'string',
        'lead_source': 'string',
        'city': 'string',
        'country': 'string',
        'is_opted_out_of_email': 'boolean',
        'created_at': 'timestamp',
        'updated_at': 'timestamp',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

),

accounts as (

    select * from {{ ref('int_accounts_matched') }}

),

domains as (

    select distinct
        domain,
        account_id
    from accounts
    where domain is not null

),

addressed as (

    select
        contacts.*,
        {{ normalise_email('contacts.email') }} as normalised_email
    from contacts

)

select
    addressed.contact_id,
    members.person_id,
    coalesce(accounts.account_id, domains.account_id) as account_id,
    addressed.owner_id,
    coalesce(addressed.normalised_email, addressed.email) as email,
    addressed.phone,
    addressed.first_name,
    addressed.last_name,
    addressed.job_title,
    addressed.company_name,
    addressed.lifecycle_stage,
    addressed.lead_source,
    addressed.city,
    addressed.country,
    addressed.is_opted_out_of_email,
    addressed.created_at,
    addressed.updated_at
from addressed
inner join members on addressed.contact_id = members.contact_id
left join accounts on addressed.account_id = accounts.source_account_id
left join domains
    on split_part(addressed.normalised_email, '@', 2) = domains.domain
