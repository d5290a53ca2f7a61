{{ config(enabled='app' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_app', 'identifies') }}

),

renamed as (

    select
        {{ row_origin('app', 'identifies', ['id'], 'coalesce(uuid_ts, received_at)') }},
        {{ normalise_country('country') }} as country,
        email,
        {{ international_phone('phone', normalise_country('country')) }} as phone,
        first_name,
        last_name,
        city,
        {{ segment_message(on_a_page=false) }}
    from landed

)

{{ judged_rows('renamed', segment_reasons(), newest_by='received_at') }}
