{{ config(enabled='crm' in var('sources')) }}

{#
    What happened with a customer: meetings, and calls and e-mails, which Salesforce logs as
    completed tasks. A to-do that is done is no activity.
#}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    activity_id,
    contact_id,
    deal_id,
    owner_id,
    'meeting' as activity_type,
    subject,
    started_at as occurred_at
from {{ ref('stg_crm__events') }}

union all

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    task_id as activity_id,
    contact_id,
    deal_id,
    owner_id,
    task_type as activity_type,
    subject,
    coalesce(completed_at, created_at) as occurred_at
from {{ ref('stg_crm__tasks') }}
where is_completed
    and task_type in ('call', 'email')
