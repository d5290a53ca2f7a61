{{ config(enabled='desk' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_desk', 'organization') }}

),

renamed as (

    select
        {{ row_origin('desk', 'organization', ['id'], '_fivetran_synced') }},
        ----------  ids
        id as organization_id,

        ----------  strings
        nullif(trim(name), '') as organization_name,

        ----------  times
        {{ try_timestamp('created_at') }} as created_at
    from landed

)

{{ judged_rows('renamed', {}) }}
