with

identifiers as (

    select * from {{ ref('int_identifiers_judged') }}

),

shared as (

    select * from {{ ref('int_identifiers_shared') }}

),

judged as (

    select
        identifiers.source_name,
        identifiers.source_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.priority,
        coalesce(identifiers.refusal_reason, shared.refusal_reason) as refusal_reason,
        coalesce(identifiers.refusal_reason is null and shared.refusal_reason is not null, false)
            as is_shared,
        identifiers.observed_at,
        identifiers.last_observed_at,
        identifiers.loaded_at
    from identifiers
    left join shared
        on identifiers.identifier_type = shared.identifier_type
        and identifiers.identifier_value = shared.identifier_value

),

-- A record that has nothing but what is shared stays with that, and merges nobody by it: the
-- tablet's own history is the tablet's, a receipt with the family's number the family's.
weighed as (

    select
        *,
        sum(case when refusal_reason is null then 1 else 0 end) over (
            partition by source_name, source_id
        ) as accepted_count,
        row_number() over (
            partition by source_name, source_id, is_shared
            order by priority, {{ byte_order('identifier_value') }}
        ) as position
    from judged

)

select
    {{ record_node('source_name', 'source_id') }} as record_node,
    {{ identifier_node('identifier_type', 'identifier_value') }} as identifier_node,
    source_name,
    source_id,
    identifier_type,
    identifier_value,
    priority,
    case
        when is_shared and accepted_count = 0 and position = 1 then null
        else refusal_reason
    end as refusal_reason,
    observed_at,
    last_observed_at,
    loaded_at
from weighed
