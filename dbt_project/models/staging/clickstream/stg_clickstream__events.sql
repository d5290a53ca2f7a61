{{ config(enabled='clickstream' in var('sources')) }}

{# Pages become page views; what a shop event means the same as takes its name; the rest stays. #}
{%- set pages = [
    'home', 'catalog', 'promo_page', 'account_page', 'review_page', 'error_page', 'cart'
] %}
{%- set is_page = "event_label in ('" ~ pages | join("', '") ~ "')" %}

with

visits as (

    select * from {{ ref('stg_clickstream__raw_events') }}
    where row_status = 'accepted'

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    source_name || '/' || source_id as event_id,
    user_id,
    cast('clickstream_user_id' as {{ dbt.type_string() }}) as user_id_type,
    -- The tracker has no carts: what is put in within one visit is one cart.
    case
        when event_label in ('add_to_cart', 'purchase') then 'clickstream-' || session_id
    end as cart_id,
    {{ empty_columns({'anonymous_id': 'string', 'order_id': 'string', 'product_id': 'string'}) }},

    ----------  strings
    case
        when {{ is_page }} then 'page_viewed'
        when event_label = 'product_view' then 'product_viewed'
        when event_label = 'add_to_cart' then 'product_added'
        when event_label = 'purchase' then 'order_completed'
        else event_label
    end as event_name,
    case when {{ is_page }} then '/' || event_label end as page_path,
    acquisition_channel as campaign_medium,
    platform as device_type,
    {{ empty_columns({
        'page_title': 'string', 'referrer': 'string', 'campaign_source': 'string',
        'campaign_name': 'string', 'sku': 'string', 'product_name': 'string',
        'product_category': 'string', 'currency': 'string',
    }) }},

    ----------  numbers
    {{ empty_columns({'price': 'float', 'revenue': 'float', 'quantity': 'bigint'}) }},

    ----------  times
    occurred_at,
    occurred_at as received_at
from visits
