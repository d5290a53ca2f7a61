{{ config(enabled='shop' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_shop', 'refund') }}

),

renamed as (

    select
        {{ row_origin('shop', 'refund', ['id'], '_fivetran_synced') }},

        ----------  ids
        id as refund_id,
        'shop-' || order_id as order_id,

        ----------  strings
        note,

        ----------  times
        coalesce(
            {{ try_timestamp('processed_at') }},
            {{ try_timestamp('created_at') }}
        ) as returned_at
    from landed

)

{{ judged_rows('renamed', {
    'missing_order': 'order_id is null',
    'bad_timestamp': 'returned_at is null',
}) }}
