with

deals as (

    select * from {{ ref('deals') }}

),

deal_stages as (

    {{ union_sources('deal_stages', {
        'deal_stage_id': 'string',
        'deal_id': 'string',
        'stage': 'string',
        'amount': 'money',
        'entered_at': 'timestamp',
    }) }}

),

preceded as (

    select
        deal_stages.*,
        lag(deal_stages.stage) over (
            partition by deal_stages.deal_id
            order by deal_stages.entered_at, {{ byte_order('deal_stages.deal_stage_id') }}
        ) as previous_stage
    from deal_stages
    inner join deals on deal_stages.deal_id = deals.deal_id

),

-- Histories also record changed amounts and dates: only a changed stage is an entry.
entries as (

    select *
    from preceded
    where previous_stage is null or previous_stage <> stage

)

select
    deal_stage_id,
    deal_id,
    source_name,
    stage,
    {{ money('amount') }} as amount,
    entered_at,
    lead(entered_at) over (
        partition by deal_id
        order by entered_at, {{ byte_order('deal_stage_id') }}
    ) as exited_at
from entries
