with

ad_spend as (

    {{ union_sources('ad_spend', {
        'spend_date': 'date',
        'platform': 'string',
        'campaign_id': 'string',
        'campaign_name': 'string',
        'currency': 'string',
        'spend_amount': 'money',
        'impressions': 'bigint',
        'clicks': 'bigint',
    }) }}

),

rates as (

    select * from {{ ref('int_exchange_rates_dated') }}

)

select
    ad_spend.campaign_id,
    ad_spend.platform,
    ad_spend.campaign_name,
    ad_spend.currency,
    {{ money('ad_spend.spend_amount') }} as spend_amount,
    {{ money('ad_spend.spend_amount * rates.reporting_rate') }} as spend_reporting,
    ad_spend.impressions,
    ad_spend.clicks,
    ad_spend.spend_date
from ad_spend
left join rates
    on ad_spend.currency = rates.currency_code
    and ad_spend.spend_date >= rates.valid_from
    and ad_spend.spend_date < rates.valid_until
