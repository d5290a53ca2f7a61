with people as (

    select * from {{ ref('people') }}

)

select
    person_id,
    email,
    first_name as firstname,
    last_name as lastname,
    phone,
    company_name as company,
    job_title as jobtitle,
    city,
    country,
    order_count as seamline_order_count,
    net_revenue as seamline_lifetime_value,
    cast(first_order_at as date) as seamline_first_order_date,
    cast(last_order_at as date) as seamline_last_order_date
from people
where not is_anonymous
