{# Who is in which audience today, in the shape in which Census reads what the warehouse manages. #}
with

members as (

    {{ segment_members() }}

)

select
    person_id,
    audience_id
from members
