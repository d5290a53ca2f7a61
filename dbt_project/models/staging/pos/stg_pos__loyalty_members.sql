{{ config(enabled='pos' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_pos', 'loyalty_members') }}

),

renamed as (

    select
        {{ row_origin('pos', 'loyalty_members', ['loyalty_id'], none) }},

        ----------  ids
        loyalty_id,

        ----------  strings
        email,
        phone,
        first_name,
        last_name,

        ----------  times
        {{ try_timestamp('joined_at') }} as joined_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'joined_at is null'}, newest_by='joined_at') }}
