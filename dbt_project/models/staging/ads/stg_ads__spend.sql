{{ config(enabled='ads' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_ads', 'spend') }}

),

renamed as (

    select
        {{ row_origin('ads', 'spend', ['"date"', 'platform', 'campaign_id'], none) }},
        ----------  ids
        campaign_id,

        ----------  strings
        {{ ascii_lower('trim(platform)') }} as platform,
        nullif(trim(campaign_name), '') as campaign_name,
        {{ normalise_currency('currency') }} as currency,

        ----------  numbers
        {{ try_number('spend') }} as spend_amount,
        {{ try_integer('impressions') }} as impressions,
        {{ try_integer('clicks') }} as clicks,

        ----------  dates
        {{ try_date('"date"') }} as spend_date
    from landed

)

-- Platforms restate past days: the last landing of a day is the one that holds.
{{ judged_rows('renamed', {
    'bad_timestamp': 'spend_date is null',
    'bad_number': 'spend_amount is null',
    'bad_currency': 'currency is null',
}) }}
