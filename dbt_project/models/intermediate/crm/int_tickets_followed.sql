{#
    What happened to each ticket after it was opened: the first answer that the customer could
    read, the last time it was solved, and how often it came back.
#}
with

ticket_comments as (

    {{ union_sources('ticket_comments', {
        'ticket_comment_id': 'string',
        'ticket_id': 'string',
        'author_role': 'string',
        'is_public': 'boolean',
        'created_at': 'timestamp',
    }) }}

),

ticket_statuses as (

    {{ union_sources('ticket_statuses', {
        'ticket_status_id': 'string',
        'ticket_id': 'string',
        'status': 'string',
        'changed_at': 'timestamp',
    }) }}

),

answers as (

    select
        ticket_id,
        min(created_at) as first_response_at
    from ticket_comments
    where is_public
        and author_role in ('agent', 'admin')
    group by 1

),

changes as (

    select
        ticket_id,
        status,
        changed_at,
        lag(status) over (
            partition by ticket_id
            order by changed_at, {{ byte_order('ticket_status_id') }}
        ) as previous_status
    from ticket_statuses

),

followed as (

    select
        ticket_id,
        coalesce(
            max(case when status = 'solved' then changed_at end),
            min(case when status = 'closed' then changed_at end)
        ) as solved_at,
        sum(
            case
                when previous_status = 'solved' and status not in ('solved', 'closed') then 1
                else 0
            end
        ) as reopen_count
    from changes
    group by 1

)

select
    coalesce(answers.ticket_id, followed.ticket_id) as ticket_id,
    answers.first_response_at,
    followed.solved_at,
    coalesce(followed.reopen_count, 0) as reopen_count
from answers
full outer join followed on answers.ticket_id = followed.ticket_id
