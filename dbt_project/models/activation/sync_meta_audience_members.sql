{#
  `external_id` is our own id, for people who told us who they are: an anonymous visitor's id
  would match nobody and count as sent.
#}
{{ audience_members(
    'meta',
    {
        'email': 'people.email',
        'phone': 'people.phone',
        'first_name': 'people.first_name',
        'last_name': 'people.last_name',
        'city': 'people.city',
        'country': 'people.country',
        'external_id': 'case when not people.is_anonymous then people.person_id end',
    }
) }}
