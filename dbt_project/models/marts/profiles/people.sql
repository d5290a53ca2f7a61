with

counted as (

    select * from {{ ref('int_people_counted') }}

),

fields as (

    select * from {{ ref('field_provenance') }}

),

golden as (

    select
        person_id,
        max(case when field = 'email' then value end) as email,
        max(case when field = 'phone' then value end) as phone,
        max(case when field = 'first_name' then value end) as first_name,
        max(case when field = 'last_name' then value end) as last_name,
        max(case when field = 'company_name' then value end) as company_name,
        max(case when field = 'job_title' then value end) as job_title,
        max(case when field = 'city' then value end) as city,
        max(case when field = 'country' then value end) as country,
        max(case when field = 'email' then source_name end) as email_source,
        max(case when field = 'phone' then source_name end) as phone_source,
        max(case when field = 'last_name' then source_name end) as name_source
    from fields
    group by 1

)

select
    counted.person_id,
    golden.email,
    golden.phone,
    golden.first_name,
    golden.last_name,
    golden.company_name,
    golden.job_title,
    golden.city,
    golden.country,
    golden.email_source,
    golden.phone_source,
    golden.name_source,
    counted.is_anonymous,
    cast(counted.identifier_count as {{ dbt.type_bigint() }}) as identifier_count,
    cast(counted.order_count as {{ dbt.type_bigint() }}) as order_count,
    {{ money('counted.net_revenue') }} as net_revenue,
    counted.first_seen_at,
    counted.last_seen_at,
    counted.first_order_at,
    counted.last_order_at
from counted
left join golden on counted.person_id = golden.person_id
