{%- set newest = 'created_at desc nulls last, ' ~ byte_order('source_account_id') -%}
{%- set fields = [
    'account_name', 'industry', 'employee_count', 'annual_revenue', 'city', 'country', 'owner_id',
] -%}

with

accounts as (

    {{ union_sources('accounts', {
        'account_id': 'string',
        'account_name': 'string',
        'industry': 'string',
        'employee_count': 'bigint',
        'annual_revenue': 'money',
        'city': 'string',
        'country': 'string',
        'owner_id': 'string',
        'created_at': 'timestamp',
    }) }}

),

matched as (

    select * from {{ ref('int_accounts_matched') }}

),

records as (

    select
        matched.account_id,
        matched.source_account_id,
        matched.domain,
        accounts.account_name,
        accounts.industry,
        accounts.employee_count,
        accounts.annual_revenue,
        accounts.city,
        accounts.country,
        accounts.owner_id,
        accounts.created_at
    from accounts
    inner join matched on accounts.account_id = matched.source_account_id

),

-- noqa: disable=layout.indent
{# The loop below leaves lines whose indent the linter cannot follow. #}
-- Field by field, the youngest record that knows a value speaks for the company.
survived as (

    select
        account_id,
        domain,
        {%- for field in fields %}
        {{ first_known(field, 'account_id', newest) }} as {{ field }},
        {%- endfor %}
        row_number() over (partition by account_id order by {{ newest }}) as place
    from records

),

summed as (

    select
        account_id,
        {{ string_list('source_account_id') }} as source_ids,
        count(*) as source_count,
        min(created_at) as created_at
    from records
    group by 1

)

select
    summed.account_id,
    survived.owner_id,
    survived.account_name,
    survived.domain,
    survived.industry,
    survived.city,
    survived.country,
    summed.source_ids,
    summed.source_count,
    survived.employee_count,
    {{ money('survived.annual_revenue') }} as annual_revenue,
    summed.created_at
from summed
inner join survived
    on summed.account_id = survived.account_id
    and survived.place = 1
