with

identifiers as (

    {{ union_sources('identifiers', {
        'identifier_type': 'string',
        'identifier_value': 'string',
        'observed_at': 'timestamp',
    }) }}

),

blocks as (

    select * from {{ ref('identifier_blocks') }}

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

blocked as (

    select distinct
        normalised.identifier_type,
        normalised.identifier_value
    from normalised
    inner join blocks
        on blocks.identifier_type in ('any', normalised.identifier_type)
        and (
            blocks.kind = 'value'
            and {{ ascii_lower('normalised.identifier_value') }} = blocks.value
            or blocks.kind = 'pattern'
            and {{ fits_pattern_of(ascii_lower('normalised.identifier_value'), 'blocks.value') }}
        )

)

select
    identifiers.source_name,
    identifiers.source_id,
    identifiers.identifier_type,
    -- What cannot be normalised is kept as it was written, so that it can be counted.
    coalesce(normalised.identifier_value, normalised.written_value) as identifier_value,
    case
        when normalised.identifier_value is null then 'invalid'
        when blocked.identifier_value is not null then 'blocked'
    end as refusal_reason,
    min(identifiers.observed_at) as observed_at,
    max(identifiers.observed_at) as last_observed_at,
    min(identifiers.loaded_at) as loaded_at
from identifiers
inner join normalised
    on identifiers.identifier_type = normalised.identifier_type
    and identifiers.identifier_value = normalised.written_value
left join blocked
    on normalised.identifier_type = blocked.identifier_type
    and normalised.identifier_value = blocked.identifier_value
group by 1, 2, 3, 4, 5
