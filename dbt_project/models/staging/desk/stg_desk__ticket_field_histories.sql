{{ config(enabled='desk' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_desk', 'ticket_field_history') }}

),

renamed as (

    select
        {{ row_origin(
            'desk', 'ticket_field_history', ['ticket_id', 'field_name', 'updated'],
            '_fivetran_synced'
        ) }},
        ----------  ids
        'desk-' || ticket_id as ticket_id,
        nullif(user_id, '') as changed_by_id,

        ----------  strings
        field_name,
        value,

        ----------  times
        {{ try_timestamp('updated') }} as changed_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'changed_at is null'}) }}
