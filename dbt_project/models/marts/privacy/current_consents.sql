with

consents as (

    select * from {{ ref('consents') }}

),

-- What somebody told the consent platform, and every refusal, weighs more than a sign-up: a box
-- ticked at a checkout later does not undo it. Among equals the last word holds, of two at the
-- same instant the refusal. A grant dated in the future is not given yet.
ranked as (

    select
        *,
        row_number() over (
            partition by person_id, purpose, channel
            order by
                case when is_explicit or state = 'denied' then 0 else 1 end,
                occurred_at desc nulls last,
                case state when 'denied' then 0 else 1 end,
                {{ byte_order('consent_event_id') }}
        ) as place
    from consents
    where person_id is not null
        and (state = 'denied' or occurred_at <= {{ as_of() }})

)

select
    person_id,
    purpose,
    channel,
    state,
    legal_basis,
    source_name,
    is_explicit,
    occurred_at
from ranked
where place = 1
