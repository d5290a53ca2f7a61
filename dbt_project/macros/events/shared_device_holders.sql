{#
    CTEs that end in `logged_in`: for each event on a shared device, who had logged in last by then.
    They read the CTEs recognised (events with the person of their user id), shared and logins.
#}
{%- macro shared_device_holders() -%}
moments as (

    select
        recognised.event_id,
        trim(recognised.anonymous_id) as anonymous_id,
        recognised.user_person_id,
        recognised.occurred_at,
        1 as is_event
    from recognised
    inner join shared on trim(recognised.anonymous_id) = shared.anonymous_id

    union all

    select
        cast(null as {{ dbt.type_string() }}) as event_id,
        anonymous_id,
        person_id as user_person_id,
        logged_in_at as occurred_at,
        0 as is_event
    from logins
    where is_shared

),

counted_logins as (

    select
        *,
        sum(case when user_person_id is not null then 1 else 0 end) over (
            partition by anonymous_id
            order by
                occurred_at,
                is_event,
                {{ byte_order("coalesce(event_id, user_person_id)") }}
            rows between unbounded preceding and current row
        ) as login_number
    from moments

),

logged_in as (

    select
        event_id,
        max(user_person_id) over (partition by anonymous_id, login_number) as person_id
    from counted_logins

)
{%- endmacro -%}
