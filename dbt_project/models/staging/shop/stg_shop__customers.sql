{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'customer') }}

),

renamed as (

    select
        {{ row_origin('shop', 'customer', ['id'], '_fivetran_synced', '_fivetran_deleted') }},

        ----------  ids
        id as customer_id,

        ----------  strings
        email,
        phone,
        first_name,
        last_name,
        {{ normalise_currency('currency') }} as currency,
        email_marketing_consent_state as marketing_state,

        ----------  booleans
        coalesce({{ try_boolean('verified_email') }}, false) as is_verified_email,

        ----------  times
        {{ try_timestamp('email_marketing_consent_consent_updated_at') }} as marketing_state_at,
        {{ try_timestamp('created_at') }} as created_at,
        {{ try_timestamp('updated_at') }} as updated_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}, newest_by='updated_at') }}
