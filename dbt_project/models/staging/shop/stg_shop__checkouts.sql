{{ config(enabled='shop' in var('sources')) }}

with

checkouts as (

    select * from {{ ref('stg_shop__abandoned_checkouts') }}
    where row_status = 'accepted'

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    checkout_id,
    cart_id,

    ----------  strings
    currency,

    ----------  numbers
    total_amount,

    ----------  times
    started_at,
    updated_at,
    completed_at
from checkouts
