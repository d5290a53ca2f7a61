{{ config(enabled='app' in var('sources')) }}

{{ segment_events({
    'stg_app__screens': 'screen_viewed',
    'stg_app__product_views': 'product_viewed',
    'stg_app__product_additions': 'product_added',
}) }}
