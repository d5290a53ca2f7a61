{# The latest word on a person_id leads to somebody who is there, as long as its identifier is. #}
with

changes as (

    select
        *,
        row_number() over (partition by person_id order by sequence desc) as recency
    from {{ ref('identity_changes') }}

)

select
    resolved.person_id,
    resolved.current_person_id,
    changes.to_person_id,
    people.person_id as found_person_id
from {{ ref('int_person_ids_resolved') }} as resolved
left join changes
    on resolved.person_id = changes.person_id
    and changes.recency = 1
left join {{ ref('people') }} as people on changes.to_person_id = people.person_id
where
    resolved.component_id is not null and people.person_id is null
    or changes.to_person_id is null
    or changes.to_person_id <> resolved.current_person_id
