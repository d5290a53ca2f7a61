{#
    The component_id of those of four records and more in which less than `least_density` of all pairs
    of records have an identifier in common.
#}
{%- macro sparse_components(evidence, components) -%}
    select sizes.component_id
    from (
        select
            components.component_id,
            count(distinct evidence.record_node) as record_count
        from {{ evidence }} as evidence
        inner join {{ components }} as components on evidence.record_node = components.node_id
        where evidence.refusal_reason is null
        group by components.component_id
        having count(distinct evidence.record_node) >= 4
    ) as sizes
    inner join (
        select
            components.component_id,
            evidence.identifier_node,
            count(*) as record_count
        from {{ evidence }} as evidence
        inner join {{ components }} as components on evidence.record_node = components.node_id
        where evidence.refusal_reason is null
        group by components.component_id, evidence.identifier_node
    ) as sharing
        on sizes.component_id = sharing.component_id
    group by sizes.component_id, sizes.record_count
    having
        sum(sharing.record_count * (sharing.record_count - 1))
        < {{ var('identity_guards').least_density }} * sizes.record_count * (sizes.record_count - 1)
{%- endmacro -%}
