{{ config(enabled='klaviyo' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_klaviyo', 'person') }}

),

renamed as (

    select
        {{ row_origin('klaviyo', 'person', ['id'], '_fivetran_synced') }},
        ----------  strings
        nullif(trim(email), '') as email,

        ----------  times
        {{ try_timestamp('created') }} as created_at,
        {{ try_timestamp('updated') }} as updated_at
    from landed

)

{{ judged_rows('renamed', {
    'bad_email': normalise_email('email') ~ ' is null',
    'bad_timestamp': 'updated_at is null',
}, newest_by='updated_at') }}
