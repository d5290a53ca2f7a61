{{ audience_members(
    'klaviyo',
    {
        'email': 'people.email',
        'phone_number': 'people.phone',
        'first_name': 'people.first_name',
        'last_name': 'people.last_name',
    },
    with_properties=true
) }}
