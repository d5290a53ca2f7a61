{#
    Every reason ever given not to write to an address, with everybody whom it concerns: the person
    of the record that gave it and all who hold the address. A reason that concerns nobody known
    still stands, for the address alone.
#}
with

suppressions as (

    {{ union_sources('suppressions', {
        'reason': 'string',
        'channel': 'string',
        'identifier_type': 'string',
        'identifier_value': 'string',
        'suppressed_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

holders as (

    select * from {{ ref('int_identifier_holders') }}

),

-- An address that is none is kept as written: nothing that was said about it is lost.
normalised as (

    select
        source_name,
        source_id,
        reason,
        channel,
        identifier_type,
        coalesce(
            {{ normalise_identifier('identifier_type', 'identifier_value') }},
            {{ ascii_lower('trim(identifier_value)') }}
        ) as identifier_value,
        suppressed_at
    from suppressions

),

concerned as (

    select
        normalised.*,
        person_records.person_id
    from normalised
    inner join person_records
        on normalised.source_name = person_records.source_name
        and normalised.source_id = person_records.source_id

    union

    select
        normalised.*,
        holders.person_id
    from normalised
    inner join holders
        on normalised.identifier_type = holders.identifier_type
        and normalised.identifier_value = holders.identifier_value

),

unclaimed as (

    select
        normalised.*,
        cast(null as {{ dbt.type_string() }}) as person_id
    from normalised
    left join concerned
        on normalised.identifier_type = concerned.identifier_type
        and normalised.identifier_value = concerned.identifier_value
    where concerned.person_id is null

)

select
    source_name,
    source_id,
    reason,
    channel,
    identifier_type,
    identifier_value,
    suppressed_at,
    person_id
from concerned

union all

select
    source_name,
    source_id,
    reason,
    channel,
    identifier_type,
    identifier_value,
    suppressed_at,
    person_id
from unclaimed
