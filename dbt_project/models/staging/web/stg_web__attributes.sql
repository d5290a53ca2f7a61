{{ config(enabled='web' in var('sources')) }}

with

identifies as (

    select * from {{ ref('stg_web__identifies') }}

)

{{ attribute_rows('identifies', {
    'email': 'email',
    'phone': 'phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'city': 'city',
    'country': 'country',
}, observed_at='occurred_at') }}
