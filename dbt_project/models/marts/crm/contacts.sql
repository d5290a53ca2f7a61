{%- set newest = 'updated_at desc nulls last, ' ~ byte_order('source_contact_id') -%}
{%- set fields = [
    'account_id', 'owner_id', 'email', 'phone', 'first_name', 'last_name', 'job_title',
    'company_name', 'lifecycle_stage', 'lead_source', 'city', 'country',
] -%}

with

records as (

    select
        *,
        contact_id as source_contact_id
    from {{ ref('int_contacts_matched') }}

),

-- noqa: disable=layout.indent
{# The loop below leaves lines whose indent the linter cannot follow. #}
-- Field by field, the most recently edited record that knows a value speaks for the person.
survived as (

    select
        person_id,
        {%- for field in fields %}
        {{ first_known(field, 'person_id', newest) }} as {{ field }},
        {%- endfor %}
        row_number() over (partition by person_id order by {{ newest }}) as place
    from records

),

summed as (

    select
        person_id,
        {{ string_list('source_contact_id') }} as source_ids,
        count(*) as source_count,
        max(case when is_opted_out_of_email then 1 else 0 end) = 1 as is_opted_out_of_email,
        min(created_at) as created_at,
        max(updated_at) as updated_at
    from records
    group by 1

)

select
    summed.person_id as contact_id,
    summed.person_id,
    survived.account_id,
    survived.owner_id,
    survived.email,
    survived.phone,
    survived.first_name,
    survived.last_name,
    survived.job_title,
    survived.company_name,
    survived.lifecycle_stage,
    survived.lead_source,
    survived.city,
    survived.country,
    summed.source_ids,
    summed.source_count,
    summed.is_opted_out_of_email,
    summed.created_at,
    summed.updated_at
from summed
inner join survived
    on summed.person_id = survived.person_id
    and survived.place = 1
