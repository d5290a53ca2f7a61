{#
    The person that each person_id ever given out stands for today, and where that one is: nowhere,
    once all that was known of somebody is gone.
#}
with

identifiers as (

    select * from {{ ref('int_identifiers_grouped') }}

),

{{ remembered_identifiers(ref('int_person_ids_registered')) }},

seated as (

    select distinct
        remembered.person_id,
        identifiers.component_id
    from identifiers
    inner join remembered on identifiers.identifier_key = remembered.identifier_key

)

select
    issued.person_id,
    remembered.person_id as current_person_id,
    seated.component_id
from issued
inner join remembered on issued.person_id = remembered.identifier_key
left join seated on remembered.person_id = seated.person_id
