with

records as (

    select * from {{ ref('stg_people__records') }}

)

{{ attribute_rows('records', {
    'first_name': 'first_name',
    'last_name': 'last_name',
    'birth_date': 'birth_date',
    'national_id': 'national_id',
    'email': 'email',
    'house_number': 'house_number',
    'street': 'street',
    'address_line': 'address_line',
    'postcode': 'postcode',
    'city': 'city',
}) }}
