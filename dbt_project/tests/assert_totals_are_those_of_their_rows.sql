{# Households and accounts together have what people and deals have; every deal, task, ticket and
   e-mail is counted once by each mart that counts it; every order is in its buyer's timeline. #}
-- noqa: disable=layout.indent
{% set movements = [
    ('household revenue', 'people', 'net_revenue', 'true'),
    ('household revenue', 'households', '-net_revenue', 'true'),
    ('household members', 'people', '1', 'not is_anonymous'),
    ('household members', 'households', '-member_count', 'true'),
    ('account revenue', 'people', 'net_revenue', 'true'),
    ('account revenue', 'account_totals', '-net_revenue', 'true'),
    ('account tickets', 'tickets', '1', 'true'),
    ('account tickets', 'account_totals', '-ticket_count', 'true'),
    ('pipeline deals', 'deals', '1', 'true'),
    ('pipeline deals', 'pipeline', '-deal_count', 'true'),
    ('pipeline amount', 'deals', 'coalesce(amount_reporting, 0)', 'true'),
    ('pipeline amount', 'pipeline', '-amount', 'true'),
    ('owned deals', 'deals', '1', 'true'),
    ('owned deals', 'owner_performance', '-open_deal_count - won_deal_count - lost_deal_count', 'true'),
    ('owned tasks', 'tasks', '1', 'true'),
    ('owned tasks', 'owner_performance', '-open_task_count - completed_task_count', 'true'),
    ('monthly tickets', 'tickets', '1', 'true'),
    ('monthly tickets', 'service_performance', '-ticket_count', 'true'),
    ('e-mails sent', 'email_events', '1', "event_type = 'sent'"),
    ('e-mails sent', 'campaign_results', '-sent_count', 'true'),
    ('orders in timelines', 'orders', '1', 'person_id is not null'),
    ('orders in timelines', 'timeline', '-1', "activity in ('order_placed', 'order_cancelled')"),
] -%}

with movements as (
{% for subject, relation, amount, condition in movements %}
    select
        '{{ subject }}' as subject,
        {{ amount }} as amount
    from {{ ref(relation) }}
    where {{ condition }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
)

select
    subject,
    sum(amount) as amount_apart
from movements
group by 1
having sum(amount) <> 0
