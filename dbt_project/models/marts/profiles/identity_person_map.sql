with

registered as (

    select * from {{ ref('int_person_ids_registered') }}

),

followed as (

    select
        *,
        lead(registered_at) over (partition by identifier_key order by generation) as replaced_at
    from registered

)

select
    identifier_key,
    person_id,
    registered_at as valid_from,
    replaced_at as valid_to,
    replaced_at is null as is_current
from followed
where is_present and (replaced_at is null or replaced_at > registered_at)
