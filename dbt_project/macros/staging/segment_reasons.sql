{# Why a Segment message cannot be used: nobody did it, or at no known time. #}
{%- macro segment_reasons() -%}
    {{ return({
        'bad_timestamp': 'occurred_at is null',
        'missing_identity': 'coalesce(anonymous_id, user_id) is null',
    }) }}
{%- endmacro -%}
