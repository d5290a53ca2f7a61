{# Pairs of records that the model compared; a human's split refuses what it would join. #}

with

matches as (

    select * from {{ ref('int_records_matched') }}

),

identifiers as (

    select
        {{ record_node('source_name', 'source_id') }} as record_node,
        identifier_type,
        identifier_value
    from {{ ref('int_identifiers_judged') }}

),

splits as (

    {{ decided_pairs('split') }}

),

split_records as (

    select
        lefts.record_node as one_node,
        rights.record_node as other_node
    from splits
    inner join identifiers as lefts
        on splits.left_type = lefts.identifier_type
        and splits.left_value = lefts.identifier_value
    inner join identifiers as rights
        on splits.right_type = rights.identifier_type
        and splits.right_value = rights.identifier_value

),

split_pairs as (

    select one_node as left_node, other_node as right_node from split_records
    union
    select other_node as left_node, one_node as right_node from split_records

)

select
    matches.left_node,
    matches.right_node,
    matches.probability,
    case
        when split_pairs.left_node is not null then 'split_by_hand'
        else matches.refusal_reason
    end as refusal_reason
from matches
left join split_pairs
    on matches.left_node = split_pairs.left_node
    and matches.right_node = split_pairs.right_node
