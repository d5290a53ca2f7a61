{#
    How much the records of a part have in common, for parts of four records and more, which a chain
    of two links cannot hold: part, record_count, and density, the share of all pairs of records
    that have an identifier in common. Two records that are a link themselves are a pair too.
    `links` names a relation (part, record, shared), where shared is an identifier or another record.
#}
{%- macro record_density(links) -%}
    select
        sizes.part,
        sizes.record_count,
        {{ divide(
            'sum(sharing.tally * (sharing.tally - 1)'
            ~ ' + case when records.record is null then 0 else 2 * sharing.tally end)',
            'sizes.record_count * (sizes.record_count - 1)'
        ) }} as density
    from (
        select links.part, count(distinct links.record) as record_count
        from {{ links }} as links
        group by links.part
        having count(distinct links.record) >= 4
    ) as sizes
    inner join (
        select links.part, links.shared, count(*) as tally
        from {{ links }} as links
        group by links.part, links.shared
    ) as sharing
        on sizes.part = sharing.part
    left join (select distinct links.record from {{ links }} as links) as records
        on sharing.shared = records.record
    group by sizes.part, sizes.record_count
{%- endmacro -%}
