{#
    What happened to each ticket after it was opened: the first answer that the customer could
    read, the last time it was solved, how often it came back, and how the customer last rated it.
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

ticket_ratings as (

    {{ union_sources('ticket_ratings', {
        'ticket_rating_id': 'string',
        'ticket_id': 'string',
        'rating': 'string',
        'rated_at': 'timestamp',
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

),

rated as (

    select
        ticket_id,
        rating,
        row_number() over (
            partition by ticket_id
            order by rated_at desc, {{ byte_order('ticket_rating_id') }} desc
        ) as recency
    from ticket_ratings
    where rating in ('good', 'bad')

),

mentioned as (

    select ticket_id from answers
    union
    select ticket_id from followed
    union
    select ticket_id from rated

)

select
    mentioned.ticket_id,
    answers.first_response_at,
    followed.solved_at,
    coalesce(followed.reopen_count, 0) as reopen_count,
    rated.rating
from mentioned
left join answers on mentioned.ticket_id = answers.ticket_id
left join followed on mentioned.ticket_id = followed.ticket_id
left join rated on mentioned.ticket_id = rated.ticket_id and rated.recency = 1
