with email_events as (

    select * from {{ ref('email_events') }}

),

suppressions as (

    select * from {{ ref('suppressions') }}

),

-- Mail programs that load pictures by themselves open everything once: two different campaigns
-- are interest, many openings of one are not.
engagement as (

    select
        person_id,
        count(distinct campaign_id) as engaged_campaign_count,
        sum(case when event_type = 'clicked' then 1 else 0 end) as click_count,
        min(occurred_at) as first_engaged_at,
        max(occurred_at) as last_engaged_at
    from email_events
    where
        event_type in ('opened', 'clicked')
        and occurred_at between {{ days_before(as_of(), 90) }} and {{ as_of() }}
        and person_id is not null
    group by 1

)

select
    engagement.person_id,
    engagement.engaged_campaign_count,
    cast(engagement.click_count as {{ dbt.type_bigint() }}) as click_count,
    engagement.first_engaged_at,
    engagement.last_engaged_at
from engagement
left join suppressions
    on engagement.person_id = suppressions.person_id
    and suppressions.channel = 'email'
where
    engagement.engaged_campaign_count >= 2
    and suppressions.person_id is null
