-- Companies, four people each.
create or replace table companies as
select
    company_no,
    pick(getvariable('name_heads'), uniform('company:' || company_no))
    || ' ' || pick(getvariable('company_tails'), part(hash_of('company:' || company_no), 1))
        as company_name,
    slug(company_name) || '-' || company_no || '.example.com' as domain,
    pick(getvariable('industries'), part(hash_of('company:' || company_no), 2)) as industry,
    20 + below(900, part(hash_of('company:' || company_no), 3)) as employee_count,
    min_by(city, no) as city,
    min_by(country_name, no) as country_name,
    min_by(country_code, no) as country_code,
    min_by(currency, no) as currency
from people
where company_no is not null
group by company_no;

-- People of a company write with their name there; some of them use it for everything.
create or replace table people as
select
    people.*,
    case when company_no is not null then
        slug(first_name) || '.' || slug(last_name) || no || '@' || companies.domain
    end as work_email,
    case when uses_work_email then work_email else email end as shop_email,
    companies.company_name,
    case when company_no is not null then
        pick(getvariable('job_titles'), uniform('title:' || no))
    end as job_title
from people
left join companies using (company_no);
