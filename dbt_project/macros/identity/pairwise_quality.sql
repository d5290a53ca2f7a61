{#
    Precision and recall over pairs of records, as rows of identity_quality. truth has source_name,
    source_id and person_key. Pairs are counted by groups, which stays linear; a record that was
    given to nobody is a person of its own.
#}
{%- macro pairwise_quality(found, truth) -%}
    {%- set sides = {'precision': 'person_id', 'recall': 'person_key'} -%}
    {%- for metric, side in sides.items() %}
    select
        '{{ metric }}' as metric,
        '' as subject,
        {{ divide('sum(together.pair_count)', 'sum(together.all_pairs)') }} as figure
    from (
        select
            {{ side }},
            sum(records * (records - 1)) as pair_count,
            sum(records) * (sum(records) - 1) as all_pairs
        from (
            select
                truth.person_key,
                coalesce(found.person_id, truth.source_name || '/' || truth.source_id) as person_id,
                count(*) as records
            from {{ truth }} as truth
            left join {{ found }} as found
                on truth.source_name = found.source_name
                and truth.source_id = found.source_id
            group by 1, 2
        ) as cells
        group by {{ side }}
    ) as together
    {{- '\n\n    union all\n' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
