with

tasks as (

    {{ union_sources('tasks', {
        'task_id': 'string',
        'contact_id': 'string',
        'deal_id': 'string',
        'owner_id': 'string',
        'subject': 'string',
        'status': 'string',
        'priority': 'string',
        'is_completed': 'boolean',
        'created_at': 'timestamp',
        'due_at': 'timestamp',
        'completed_at': 'timestamp',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

)

select
    tasks.task_id,
    members.person_id,
    tasks.deal_id,
    tasks.owner_id,
    tasks.source_name,
    tasks.subject,
    tasks.status,
    tasks.priority,
    tasks.is_completed,
    not tasks.is_completed and coalesce(tasks.due_at < {{ as_of() }}, false) as is_overdue,
    tasks.created_at,
    tasks.due_at,
    tasks.completed_at
from tasks
left join members on tasks.contact_id = members.contact_id
