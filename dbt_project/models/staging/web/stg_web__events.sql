{{ config(enabled='web' in var('sources')) }}

{{ segment_events({
    'stg_web__pages': 'page_viewed',
    'stg_web__product_views': 'product_viewed',
    'stg_web__product_additions': 'product_added',
    'stg_web__product_removals': 'product_removed',
    'stg_web__checkout_starts': 'checkout_started',
    'stg_web__order_completions': 'order_completed',
}) }}
