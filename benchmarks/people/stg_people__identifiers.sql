{# Exact rules are identifiers made of several columns; the model does without them. #}
with

records as (

    select * from {{ ref('stg_people__records') }}

)

{{ identifier_rows('records', {'record_id': 'record_id', 'national_id': 'national_id', 'email': 'email'}) }}
{% if not var('probabilistic_matching') %}

union all

{{ identifier_rows('records', {
    'name_birth_date': 'name_birth_date',
    'birth_date_street': 'birth_date_street',
    'birth_date_house': 'birth_date_house',
    'first_name_birth_date_postcode': 'first_name_birth_date_postcode',
    'last_name_birth_date_postcode': 'last_name_birth_date_postcode',
    'first_name_address': 'first_name_address',
    'last_name_address': 'last_name_address',
}) }}
{% endif %}
