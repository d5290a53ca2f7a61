with

reached as (

    select
        funnel,
        step_number,
        event_name,
        count(*) as person_count
    from {{ ref('funnel_steps') }}
    group by 1, 2, 3

)

select
    funnel,
    step_number,
    event_name,
    person_count,
    {{ divide(
        'person_count', 'lag(person_count) over (partition by funnel order by step_number)'
    ) }} as step_rate,
    {{ divide(
        'person_count', 'first_value(person_count) over (partition by funnel order by step_number)'
    ) }} as overall_rate
from reached
