{{ config(enabled='desk' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_desk', 'ticket') }}

),

renamed as (

    select
        {{ row_origin('desk', 'ticket', ['id'], '_fivetran_synced', '_fivetran_deleted') }},
        ----------  ids
        'desk-' || id as ticket_id,
        'user/' || nullif(requester_id, '') as requester_source_id,
        nullif(assignee_id, '') as assignee_id,
        nullif(organization_id, '') as organization_id,

        ----------  strings
        nullif(trim(subject), '') as subject,
        {{ ascii_lower("nullif(trim(status), '')") }} as status,
        {{ ascii_lower("nullif(trim(priority), '')") }} as priority,
        {{ ascii_lower("nullif(trim(type), '')") }} as ticket_type,
        {{ ascii_lower("nullif(trim(via_channel), '')") }} as channel,

        ----------  times
        {{ try_timestamp('created_at') }} as created_at,
        {{ try_timestamp('updated_at') }} as updated_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}, newest_by='updated_at') }}
