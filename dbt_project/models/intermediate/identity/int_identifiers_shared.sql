{#
    Devices and phones that more than one person uses. They may tell whose an otherwise nameless
    record is, but never make two people one who log in with different accounts or go by different
    first names.
#}
with

identifiers as (

    select * from {{ ref('int_identifiers_judged') }}

),

certain as (

    select * from {{ ref('int_identities_certain') }}

),

attributes as (

    {{ union_sources('attributes', {'attribute_name': 'string', 'attribute_value': 'string'}) }}

),

accounts as (

    select
        component_id,
        1 as has_account
    from certain
    where node_id like 'user_id:%'
    group by 1

),

names as (

    select
        certain.component_id,
        {{ ascii_lower('trim(attributes.attribute_value)') }} as first_name,
        count(*) as mentions
    from attributes
    inner join certain
        on {{ record_node('attributes.source_name', 'attributes.source_id') }} = certain.node_id
    where attributes.attribute_name = 'first_name'
    group by 1, 2

),

ranked_names as (

    select
        *,
        row_number() over (
            partition by component_id
            order by mentions desc, {{ byte_order('first_name') }}
        ) as position
    from names

),

touched as (

    select distinct
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.shareable,
        certain.component_id
    from identifiers
    inner join certain
        on {{ record_node('identifiers.source_name', 'identifiers.source_id') }} = certain.node_id
    where identifiers.shareable is not null and identifiers.refusal_reason is null

)

select
    touched.identifier_type,
    touched.identifier_value,
    'shared_' || touched.shareable as refusal_reason,
    count(*) as people_count,
    count(accounts.has_account) as account_count,
    count(distinct ranked_names.first_name) as first_name_count
from touched
left join accounts on touched.component_id = accounts.component_id
left join ranked_names
    on touched.component_id = ranked_names.component_id
    and ranked_names.position = 1
group by 1, 2, 3
having count(accounts.has_account) > 1 or count(distinct ranked_names.first_name) > 1
