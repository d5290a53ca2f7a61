with

suppressions as (

    select * from {{ ref('int_suppressions_resolved') }}

),

-- The only way back: the person's own later grant, to a consent platform, that still stands.
returned as (

    select
        person_id,
        channel,
        occurred_at
    from {{ ref('current_consents') }}
    where state = 'granted'
        and is_explicit
        and purpose = 'email_marketing'

),

-- No wish makes an address exist again, so a hard bounce stays.
standing as (

    select suppressions.*
    from suppressions
    left join returned
        on suppressions.person_id = returned.person_id
        and suppressions.channel = returned.channel
    where returned.person_id is null
        or suppressions.reason = 'hard_bounce'
        or suppressions.suppressed_at is null
        or returned.occurred_at <= suppressions.suppressed_at

),

since as (

    select
        person_id,
        identifier_type,
        identifier_value,
        channel,
        reason,
        source_name,
        min(suppressed_at) as suppressed_at
    from standing
    group by 1, 2, 3, 4, 5, 6

)

select
    {{ md5_of(
        "coalesce(person_id, '') || '/' || identifier_type || '/' || identifier_value"
        ~ " || '/' || channel || '/' || reason || '/' || source_name"
    ) }} as suppression_id,
    person_id,
    identifier_type,
    {{ sha256_of('identifier_value') }} as identifier_hash,
    channel,
    reason,
    source_name,
    suppressed_at
from since
