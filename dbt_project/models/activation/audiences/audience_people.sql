{{ config(alias='people') }}
{# Those who are in at least one audience today. #}
with

people as (

    select * from {{ ref('people') }}

),

members as (

    select distinct person_id from {{ ref('audience_memberships') }}

)

select
    people.person_id as id,
    people.email,
    people.phone,
    people.first_name,
    people.last_name,
    people.city,
    people.country
from people
inner join members on people.person_id = members.person_id
