with

deals as (

    {{ union_sources('deals', {
        'deal_id': 'string',
        'account_id': 'string',
        'primary_contact_id': 'string',
        'owner_id': 'string',
        'campaign_id': 'string',
        'deal_name': 'string',
        'pipeline': 'string',
        'stage': 'string',
        'currency': 'string',
        'amount': 'money',
        'probability': 'float',
        'is_closed': 'boolean',
        'is_won': 'boolean',
        'close_date': 'date',
        'created_at': 'timestamp',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

),

accounts as (

    select * from {{ ref('int_accounts_matched') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

rates as (

    select * from {{ ref('int_exchange_rates_dated') }}

)

select
    deals.deal_id,
    members.person_id,
    -- A CRM that ties deals to people only still has a company: the one its contact works for.
    coalesce(accounts.account_id, contacts.account_id) as account_id,
    deals.owner_id,
    deals.campaign_id,
    deals.source_name,
    deals.deal_name,
    deals.pipeline,
    deals.stage,
    deals.currency,
    {{ money('deals.amount') }} as amount,
    {{ money('deals.amount * rates.reporting_rate') }} as amount_reporting,
    deals.probability,
    deals.is_closed,
    deals.is_won,
    deals.close_date,
    deals.created_at
from deals
left join members on deals.primary_contact_id = members.contact_id
left join accounts on deals.account_id = accounts.source_account_id
left join contacts on members.person_id = contacts.person_id
left join rates
    on deals.currency = rates.currency_code
    and deals.created_at >= rates.valid_from
    and deals.created_at < rates.valid_until
