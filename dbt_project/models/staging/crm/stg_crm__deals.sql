{{ config(enabled='crm' in var('sources')) }}

with

opportunities as (

    select * from {{ ref('stg_crm__opportunities') }}

),

deal_contacts as (

    select * from {{ ref('stg_crm__deal_contacts') }}
    where row_status = 'accepted'

),

ranked as (

    select
        deal_id,
        contact_id,
        row_number() over (
            partition by deal_id
            order by case when is_primary then 0 else 1 end, {{ byte_order('contact_id') }}
        ) as place
    from deal_contacts

)

select
    opportunities.source_name,
    opportunities.source_id,
    opportunities.loaded_at,
    opportunities.is_deleted,
    opportunities.row_status,
    opportunities.deal_id,
    opportunities.account_id,
    ranked.contact_id as primary_contact_id,
    opportunities.owner_id,
    opportunities.campaign_id,
    opportunities.deal_name,
    -- Salesforce has one pipeline per company.
    cast(null as {{ dbt.type_string() }}) as pipeline,
    opportunities.stage,
    opportunities.currency,
    opportunities.amount,
    opportunities.probability,
    opportunities.is_closed,
    opportunities.is_won,
    opportunities.close_date,
    opportunities.created_at
from opportunities
left join ranked
    on opportunities.deal_id = ranked.deal_id
    and ranked.place = 1
