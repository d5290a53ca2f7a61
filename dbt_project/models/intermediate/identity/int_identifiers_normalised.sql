{{ check_identifier_types() }}
with

identifiers as (

    {{ union_sources('identifiers', {
        'identifier_type': 'string',
        'identifier_value': 'string',
        'observed_at': 'timestamp',
        'arrived_at': 'timestamp',
    }) }}

),

-- A value is normalised and judged once, however many records carry it.
written as (

    select distinct
        identifier_type,
        identifier_value as written_value
    from identifiers
    where trim(identifier_value) <> ''

),

normalised as (

    select
        identifier_type,
        written_value,
        {{ normalise_identifier('identifier_type', 'written_value') }} as identifier_value
    from written

),

judged as (

    select
        *,
        case
            when identifier_value is null then 'invalid'
            when {{ is_blocked_identifier('identifier_type', 'identifier_value') }} then 'blocked'
        end as refusal_reason
    from normalised

)

select
    identifiers.source_name,
    identifiers.source_id,
    identifiers.identifier_type,
    -- What cannot be normalised is kept as it was written, so that it can be counted.
    coalesce(judged.identifier_value, judged.written_value) as identifier_value,
    coalesce(
        judged.refusal_reason,
        case
            when {{ is_out_of_scope('identifiers.identifier_type', 'identifiers.source_name') }}
                then 'out_of_scope'
        end
    ) as refusal_reason,
    min(identifiers.observed_at) as observed_at,
    max(identifiers.observed_at) as last_observed_at,
    min(identifiers.arrived_at) as loaded_at
from identifiers
inner join judged
    on identifiers.identifier_type = judged.identifier_type
    and identifiers.identifier_value = judged.written_value
group by 1, 2, 3, 4, 5
