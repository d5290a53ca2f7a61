with

owners as (

    {{ union_sources('owners', {
        'owner_id': 'string',
        'email': 'string',
        'owner_name': 'string',
    }) }}

)

select
    owner_id,
    source_name,
    email,
    owner_name
from owners
