{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set kinds = {
    'event': {'id': 'event_id', 'activity': 'event_name', 'amount': 'revenue',
              'subject': 'coalesce(product_name, page_path)',
              'reference': 'coalesce(order_id, cart_id, product_id)'},
    'order': {'relation': 'orders', 'id': 'order_id', 'subject': 'order_channel',
              'activity': "case when status = 'cancelled' then 'order_cancelled' else 'order_placed' end",
              'reference': 'order_id', 'amount': 'net_revenue', 'at': 'ordered_at'},
    'return': {'relation': 'returns', 'id': 'return_id', 'activity': "'returned'",
               'reference': 'coalesce(order_id, order_line_id)', 'amount': '-amount_reporting',
               'at': 'returned_at'},
    'email': {'relation': 'email_events', 'id': 'email_event_id',
              'activity': "'email_' || event_type", 'subject': 'url', 'reference': 'campaign_id'},
    'activity': {'relation': 'activities', 'id': 'activity_id', 'activity': 'activity_type',
                 'subject': 'subject', 'reference': 'deal_id'},
    'task': {'relation': 'tasks', 'id': 'task_id', 'activity': "'task_completed'",
             'subject': 'subject', 'reference': 'deal_id', 'at': 'completed_at'},
    'campaign': {'relation': 'campaign_members', 'id': 'campaign_member_id',
                 'activity': "'campaign_responded'", 'subject': 'member_status',
                 'reference': 'campaign_id', 'at': 'responded_at'},
    'lead': {'relation': 'leads', 'id': 'lead_id', 'activity': "'lead_created'",
             'subject': 'lead_source', 'reference': 'lead_id', 'at': 'created_at'},
    'stage': {'id': 'deal_stage_id', 'activity': "'deal_stage_entered'", 'subject': 'stage',
              'reference': 'deal_id', 'at': 'entered_at'},
    'ticket': {'relation': 'tickets', 'id': 'ticket_id', 'activity': "'ticket_opened'",
               'subject': 'subject', 'reference': 'ticket_id', 'at': 'created_at'},
    'solved': {'relation': 'tickets', 'id': 'ticket_id', 'activity': "'ticket_solved'",
               'subject': 'subject', 'reference': 'ticket_id', 'at': 'solved_at'},
} -%}

with

-- What the site reports as bought and the shop holds as an order is one thing: the order.
event as (

    select events.*
    from {{ ref('events') }} as events
    left join {{ ref('orders') }} as orders on events.order_id = orders.order_id
    where orders.order_id is null or events.event_name <> 'order_completed'

),

stage as (

    select
        deal_stages.*,
        deals.person_id
    from {{ ref('deal_stages') }} as deal_stages
    inner join {{ ref('deals') }} as deals on deal_stages.deal_id = deals.deal_id

),

activities as (
{% for kind, columns in kinds.items() %}
    select
        '{{ kind }}/' || {{ columns.id }} as activity_id,
        person_id,
        {{ columns.activity }} as activity,
        source_name,
        {{ columns.subject or 'cast(null as ' ~ dbt.type_string() ~ ')' }} as subject,
        {{ columns.reference }} as reference_id,
        {{ money(columns.amount or 'null') }} as amount,
        {{ columns.at or 'occurred_at' }} as occurred_at
    from {{ ref(columns.relation) if columns.relation else kind }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
)

select
    activity_id,
    person_id,
    activity,
    source_name,
    subject,
    reference_id,
    amount,
    occurred_at
from activities
where person_id is not null and occurred_at <= {{ as_of() }}
{{ rows_together('person_id') }}
