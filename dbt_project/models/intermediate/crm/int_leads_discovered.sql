{#
    Leads that no CRM knows as such: who filled in a form or signed up on the site or in the app
    before any order and before any CRM had them. A lead that then became a contact, or bought, is
    converted, and stays. A contact that nobody looks after and that is no further than a lead is
    none yet: HubSpot has leads as contacts too, and what we send there comes back as one.
#}
with

identifies as (

    {{ union_sources('identifiers', {
        'identifier_type': 'string',
        'observed_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

contacts as (

    select * from {{ ref('int_contacts_matched') }}

),

purchases as (

    select * from {{ ref('int_purchases_counted') }}

),

signed_up as (

    select
        person_records.person_id,
        {{ byte_min('identifies.source_name') }} as source_name,
        min(identifies.observed_at) as created_at
    from identifies
    inner join person_records
        on identifies.source_name = person_records.source_name
        and identifies.source_id = person_records.source_id
    where
        identifies.source_name in ('web', 'app')
        and identifies.identifier_type = 'email'
        and identifies.observed_at <= {{ as_of() }}
    group by 1

),

known as (

    select
        person_id,
        min(created_at) as created_at,
        min(case
            when owner_id is not null
                or coalesce(lifecycle_stage, 'lead') not in ('subscriber', 'lead', 'other')
                then created_at
        end) as taken_up_at
    from contacts
    group by 1

)

select
    signed_up.person_id,
    signed_up.source_name,
    signed_up.created_at,
    case
        when purchases.first_order_at is null then known.taken_up_at
        when known.taken_up_at is null then purchases.first_order_at
        else least(known.taken_up_at, purchases.first_order_at)
    end as converted_at
from signed_up
left join known on signed_up.person_id = known.person_id
left join purchases on signed_up.person_id = purchases.person_id
where
    (known.created_at is null or known.created_at >= signed_up.created_at)
    and (purchases.first_order_at is null or purchases.first_order_at >= signed_up.created_at)
