{{ config(enabled='app' in var('sources')) }}

with

landed as (

    select
        identifies.*,
        -- By a name, because what reads a phone repeats it many times.
        {{ normalise_country('country') }} as country_code
    from {{ source('raw_app', 'identifies') }} as identifies

),

renamed as (

    select
        {{ row_origin('app', 'identifies', ['id'], 'coalesce(uuid_ts, received_at)') }},
        country_code as country,
        email,
        {{ international_phone('phone', 'country_code') }} as phone,
        first_name,
        last_name,
        city,
        {{ segment_message(on_a_page=false) }}
    from landed

)

{{ judged_rows('renamed', segment_reasons(), newest_by='received_at') }}
