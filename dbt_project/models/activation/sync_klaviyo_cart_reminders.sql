with members as (

    select * from {{ ref('sync_klaviyo_audience_members') }}
    where audience = 'abandoned_cart'

),

abandoned as (

    select * from {{ ref('abandoned_cart') }}

),

carts as (

    select * from {{ ref('carts') }}

)

-- Whoever the audience leaves out is not reminded either. A cart is the key, and an event is sent
-- once: a cart that is taken up and left again reminds nobody a second time.
select
    abandoned.cart_id,
    members.person_id,
    members.email,
    'Cart abandoned' as name,
    abandoned.cart_value as value,
    abandoned.currency as value_currency,
    members.properties,
    carts.abandoned_at as occurred_at
from members
inner join abandoned on members.person_id = abandoned.person_id
inner join carts on abandoned.cart_id = carts.cart_id
