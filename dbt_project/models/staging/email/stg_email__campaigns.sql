{{ config(enabled='email' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_email', 'campaign') }}

),

renamed as (

    select
        {{ row_origin('email', 'campaign', ['id'], '_fivetran_synced') }},
        ----------  ids
        'email-' || id as campaign_id,
        list_id,

        ----------  strings
        coalesce(nullif(trim(title), ''), nullif(trim(subject_line), '')) as campaign_name,
        cast('email' as {{ dbt.type_string() }}) as campaign_type,
        {{ ascii_lower("nullif(trim(status), '')") }} as status,

        ----------  numbers
        cast(null as {{ type_of('money') }}) as budget_amount,

        ----------  times
        {{ try_timestamp('create_time') }} as created_at,
        {{ try_timestamp('send_time') }} as started_at,
        cast(null as {{ dbt.type_timestamp() }}) as ended_at
    from landed

)

{{ judged_rows('renamed', {}) }}
