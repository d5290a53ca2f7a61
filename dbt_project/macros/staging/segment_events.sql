{# One row per accepted message of several models, in the shape of the entity events. #}
{%- macro segment_events(event_names) -%}
    {%- for model, event_name in event_names.items() %}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,

    ----------  ids
    source_name || '/' || source_id as event_id,
    anonymous_id,
    user_id,
    cast('user_id' as {{ dbt.type_string() }}) as user_id_type,
    cart_id,
    order_id,
    product_id,

    ----------  strings
    cast('{{ event_name }}' as {{ dbt.type_string() }}) as event_name,
    page_path,
    page_title,
    referrer,
    campaign_source,
    campaign_medium,
    campaign_name,
    device_type,
    sku,
    product_name,
    product_category,
    currency,

    ----------  numbers
    price,
    revenue,
    quantity,

    ----------  times
    occurred_at,
    received_at
from {{ ref(model) }}
where row_status = 'accepted'
    {{- '\n\nunion all\n' if not loop.last }}
    {%- endfor %}
{{ rows_together('anonymous_id') }}
{%- endmacro -%}
