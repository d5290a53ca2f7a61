{# What every Segment message carries: who, when, and the page or device it came from. #}
{%- macro segment_message(on_a_page=true) -%}
    anonymous_id,
        user_id,
        context_campaign_source as campaign_source,
        context_campaign_medium as campaign_medium,
        context_campaign_name as campaign_name,
        context_device_type as device_type,
        context_locale as locale,
        {%- if on_a_page %}
        context_page_path as page_path,
        context_page_title as page_title,
        context_page_referrer as referrer,
        {%- else %}
        {{ empty_columns({'page_path': 'string', 'page_title': 'string', 'referrer': 'string'}) }},
        {%- endif %}
        {{ try_timestamp('timestamp') }} as occurred_at,
        {{ try_timestamp('received_at') }} as received_at
{%- endmacro -%}
