{#
    Which household somebody belongs to: people of one last name at one postal code. Whose address
    is not known is a household alone; devices of unknown people are none.
#}
with

people as (

    select * from {{ ref('people') }}
    where not is_anonymous

),

postal_codes as (

    select
        person_id,
        value as postal_code
    from {{ ref('field_provenance') }}
    where field = 'postal_code'

)

select
    people.person_id,
    case
        when people.last_name is not null and people.country is not null
            and postal_codes.postal_code is not null
            then {{ md5_of(
                ascii_lower('people.last_name')
                ~ " || '|' || people.country || '|' || "
                ~ ascii_lower('postal_codes.postal_code')
            ) }}
        else people.person_id
    end as household_id
from people
left join postal_codes on people.person_id = postal_codes.person_id
