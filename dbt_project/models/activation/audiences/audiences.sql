{# Every segment, and what its YAML says of it. #}
with

declared as (

    {{ segment_declarations() }}

)

select
    *,
    {{ as_of() }} >= cast(expiry_date as {{ dbt.type_timestamp() }}) as is_expired
from declared
