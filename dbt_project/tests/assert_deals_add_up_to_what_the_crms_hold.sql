{# Every deal that a CRM holds counts once, with its amount, in the stage the CRM has it in. #}
with

held as (

    {{ union_sources('deals', {'deal_id': 'string', 'stage': 'string', 'amount': 'money'}) }}

),

compared as (

    select
        source_name,
        stage,
        1 as held_count,
        coalesce(amount, 0) as held_amount,
        0 as deal_count,
        0 as deal_amount
    from held

    union all

    select
        source_name,
        stage,
        0 as held_count,
        0 as held_amount,
        1 as deal_count,
        coalesce(amount, 0) as deal_amount
    from {{ ref('deals') }}

)

select
    source_name,
    stage,
    sum(held_count) as held_count,
    sum(deal_count) as deal_count,
    sum(held_amount) as held_amount,
    sum(deal_amount) as deal_amount
from compared
group by 1, 2
having sum(held_count) <> sum(deal_count) or sum(held_amount) <> sum(deal_amount)
