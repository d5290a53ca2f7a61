{{ config(enabled='email' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_email', 'list') }}

),

renamed as (

    select
        {{ row_origin('email', 'list', ['id'], '_fivetran_synced') }},
        ----------  ids
        id as list_id,

        ----------  strings
        nullif(trim(name), '') as list_name,

        ----------  times
        {{ try_timestamp('date_created') }} as created_at
    from landed

)

{{ judged_rows('renamed', {}) }}
