{{ config(enabled='email' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_email', 'campaign_recipient') }}

),

campaigns as (

    select * from {{ ref('stg_email__campaigns') }}
    where row_status = 'accepted'

),

renamed as (

    select
        {{ row_origin(
            'email', 'campaign_recipient', ['campaign_id', 'list_id', 'member_id'],
            '_fivetran_synced'
        ) }},
        ----------  ids
        'email-' || campaign_id as campaign_id,
        'member/' || list_id || '/' || member_id as member_source_id
    from landed

),

-- A recipient carries no time of its own: it was sent when its mailing was.
sent as (

    select
        renamed.*,
        campaigns.started_at as sent_at
    from renamed
    left join campaigns on renamed.campaign_id = campaigns.campaign_id

)

{{ judged_rows('sent', {'bad_timestamp': 'sent_at is null'}) }}
