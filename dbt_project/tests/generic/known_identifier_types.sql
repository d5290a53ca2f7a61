{# An identifier of a type without a normaliser would silently match nothing. #}
{% test known_identifier_types(model) %}

select
    identifier_type,
    identifier_value
from {{ model }}
where
    identifier_value is null
    or identifier_type not in ('{{ var("identifier_types") | join("', '") }}')

{% endtest %}
