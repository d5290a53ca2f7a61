with

deals as (

    select * from {{ ref('deals') }}

),

visits as (

    select distinct
        deals.deal_id,
        deals.source_name,
        deals.is_won,
        deal_stages.stage
    from deals
    inner join {{ ref('deal_stages') }} as deal_stages on deals.deal_id = deal_stages.deal_id
    where deals.is_closed

),

-- What history says of a stage: how many of the closed deals that were ever in it were won.
stages as (

    select
        source_name,
        stage,
        {{ divide('sum(case when is_won then 1 else 0 end)', 'count(*)') }} as win_rate
    from visits
    group by 1, 2

),

judged as (

    select
        deals.source_name,
        deals.stage,
        coalesce(deals.owner_id, '(none)') as owner_id,
        cast({{ dbt.date_trunc('month', 'deals.close_date') }} as date) as close_month_date,
        case
            when deals.is_won then 'won'
            when deals.is_closed then 'lost'
            when deals.probability >= 0.7 then 'commit'
            when deals.probability >= 0.4 then 'best_case'
            else 'pipeline'
        end as forecast_category,
        coalesce(deals.amount_reporting, 0) as amount,
        case when deals.is_closed then 0 else coalesce(deals.amount_reporting, 0) end
            as open_amount,
        coalesce(deals.probability, stages.win_rate, 0) as probability,
        coalesce(stages.win_rate, deals.probability, 0) as win_rate
    from deals
    left join stages on deals.source_name = stages.source_name and deals.stage = stages.stage

)

select
    source_name,
    stage,
    owner_id,
    close_month_date,
    forecast_category,
    count(*) as deal_count,
    {{ money('sum(amount)') }} as amount,
    {{ money('sum(open_amount * probability)') }} as weighted_amount,
    {{ money('sum(open_amount * win_rate)') }} as forecast_amount
from judged
group by 1, 2, 3, 4, 5
