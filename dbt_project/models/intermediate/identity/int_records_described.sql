{# What each record says about its person, one row per record: what probabilistic matching compares.
   Addresses that are worthless as identifiers are worthless here as well. #}

{%- set fields = [
    'first_name', 'last_name', 'birth_date', 'national_id', 'email', 'phone', 'house_number',
    'street', 'address_line', 'postcode', 'city',
] %}

with

attributes as (

    {{ union_sources('attributes', {'attribute_name': 'string', 'attribute_value': 'string'}) }}

),

refused as (

    select distinct
        identifier_type,
        identifier_value
    from {{ ref('int_identifiers_judged') }}
    where refusal_reason in ('blocked', 'invalid', 'too_common')

),

comparable as (

    select
        source_name,
        source_id,
        attribute_name,
        case
            when attribute_name in ('email', 'phone')
                then {{ normalise_identifier('attribute_name', 'attribute_value') }}
            else nullif({{ ascii_lower('trim(attribute_value)') }}, '')
        end as attribute_value
    from attributes

)

select
    {{ record_node('comparable.source_name', 'comparable.source_id') }} as record_node
    {%- for field in fields %},
    max(case when comparable.attribute_name = '{{ field }}' then comparable.attribute_value end)
        as {{ field }}
    {%- endfor %}
from comparable
left join refused
    on comparable.attribute_name = refused.identifier_type
    and comparable.attribute_value = refused.identifier_value
where refused.identifier_value is null
group by 1
