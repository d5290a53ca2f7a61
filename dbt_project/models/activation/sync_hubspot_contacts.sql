with people as (

    select * from {{ ref('people') }}

),

traits as (

    select * from {{ ref('person_traits') }}

)

select
    people.person_id,
    people.email,
    people.first_name as firstname,
    people.last_name as lastname,
    people.phone,
    people.company_name as company,
    people.job_title as jobtitle,
    people.city,
    people.country,
    people.order_count as seamline_order_count,
    people.net_revenue as seamline_lifetime_value,
    cast(people.first_order_at as date) as seamline_first_order_date,
    cast(people.last_order_at as date) as seamline_last_order_date,
    traits.customer_stage as seamline_customer_stage,
    traits.sales_stage as seamline_sales_stage,
    -- Points, so that a score that fades by fractions is no news.
    cast(round(traits.lead_score) as {{ dbt.type_bigint() }}) as seamline_lead_score
from people
inner join traits on people.person_id = traits.person_id
where not people.is_anonymous
