{{ config(enabled='desk' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_desk', 'ticket_comment') }}

),

users as (

    select * from {{ ref('stg_desk__users') }}
    where row_status = 'accepted'

),

renamed as (

    select
        {{ row_origin('desk', 'ticket_comment', ['id'], '_fivetran_synced') }},
        ----------  ids
        'desk-' || id as ticket_comment_id,
        'desk-' || nullif(ticket_id, '') as ticket_id,
        nullif(user_id, '') as author_id,

        ----------  booleans
        coalesce({{ try_boolean('public') }}, false) as is_public,

        ----------  times
        {{ try_timestamp('created') }} as created_at
    from landed

),

authored as (

    select
        renamed.*,
        users.role as author_role
    from renamed
    left join users on renamed.author_id = users.zendesk_user_id

)

{{ judged_rows('authored', {
    'missing_key': 'ticket_id is null',
    'bad_timestamp': 'created_at is null',
}) }}
