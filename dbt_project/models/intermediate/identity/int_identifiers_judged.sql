{{ config(pre_hook='{{ check_identity_decisions() }}') }}

with

identifiers as (

    select * from {{ ref('int_identifiers_normalised') }}

),

splits as (

    {{ decided_pairs('split') }}

),

rated as (

    select
        *,
        {{ identifier_setting('identifier_type', 'priority') }} as priority,
        {{ identifier_setting('identifier_type', 'limit') }} as person_limit,
        cast({{ identifier_setting('identifier_type', 'common_above') }} as {{ dbt.type_int() }})
            as common_above,
        {{ identifier_setting('identifier_type', 'shareable') }} as shareable
    from identifiers
    where refusal_reason is null

),

-- An address that stands on the records of more accounts than one person may have is nobody's.
-- Devices are left out: what many people log in on is judged as a shared device.
companions as (

    select
        weaker.identifier_type,
        weaker.identifier_value,
        stronger.identifier_type as companion_type,
        max(coalesce(weaker.common_above, stronger.person_limit)) as most,
        count(distinct stronger.identifier_value) as companion_count
    from rated as weaker
    inner join rated as stronger
        on weaker.source_name = stronger.source_name
        and weaker.source_id = stronger.source_id
        and weaker.priority > stronger.priority
    where coalesce(weaker.shareable, '') <> 'device'
    group by 1, 2, 3

),

too_common as (

    select distinct
        identifier_type,
        identifier_value
    from companions
    where companion_count > most

),

split_by_hand as (

    select distinct
        rights.source_name,
        rights.source_id,
        rights.identifier_type,
        rights.identifier_value
    from identifiers as rights
    inner join splits
        on rights.identifier_type = splits.right_type
        and rights.identifier_value = splits.right_value
    inner join identifiers as lefts
        on rights.source_name = lefts.source_name
        and rights.source_id = lefts.source_id
        and splits.left_type = lefts.identifier_type
        and splits.left_value = lefts.identifier_value

)

select
    identifiers.source_name,
    identifiers.source_id,
    identifiers.identifier_type,
    identifiers.identifier_value,
    {{ identifier_setting('identifiers.identifier_type', 'priority') }} as priority,
    {{ identifier_setting('identifiers.identifier_type', 'shareable') }} as shareable,
    case
        when identifiers.refusal_reason is not null then identifiers.refusal_reason
        when split_by_hand.identifier_value is not null then 'split_by_hand'
        when too_common.identifier_value is not null then 'too_common'
    end as refusal_reason,
    identifiers.observed_at,
    identifiers.last_observed_at,
    identifiers.loaded_at
from identifiers
left join too_common
    on identifiers.identifier_type = too_common.identifier_type
    and identifiers.identifier_value = too_common.identifier_value
left join split_by_hand
    on identifiers.source_name = split_by_hand.source_name
    and identifiers.source_id = split_by_hand.source_id
    and identifiers.identifier_type = split_by_hand.identifier_type
    and identifiers.identifier_value = split_by_hand.identifier_value
