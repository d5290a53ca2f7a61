{#
    Appends what every node of this invocation came to, to ops.dbt_results, also when the run
    failed: a sync's guard reads here whether the tests above its table passed.
#}
{%- macro record_dbt_results(results) -%}
    {%- if execute and results and not var('schema_suffix', '') and flags.WHICH in ('build', 'run', 'test', 'seed', 'snapshot') -%}
        {%- set text = dbt.type_string() -%}
        {%- do adapter.create_schema(api.Relation.create(database=target.database, schema='ops')) -%}
        {%- do run_query(
            'create table if not exists ops.dbt_results (unique_id ' ~ text ~ ', resource_type ' ~ text ~ ', name ' ~ text
            ~ ', status ' ~ text ~ ', failures ' ~ dbt.type_bigint() ~ ', message ' ~ text ~ ', invocation_id ' ~ text
            ~ ', executed_at ' ~ dbt.type_timestamp() ~ ')'
        ) -%}
        {%- for batch in results | batch(200) %}
insert into ops.dbt_results
values
            {%- for result in batch %}
            {%- set finished = (result.timing | map(attribute='completed_at') | select | list or [run_started_at]) | last %}
    (
        '{{ result.node.unique_id }}', '{{ result.node.resource_type }}', '{{ result.node.name }}', '{{ result.status }}',
        {{ result.failures if result.failures is not none else 'null' }},
        '{{ (result.message or "")[:1000] | replace("'", "''") }}', '{{ invocation_id }}',
        cast('{{ finished.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ dbt.type_timestamp() }})
    ){{ ',' if not loop.last }}
            {%- endfor %};
        {%- endfor %}
    {%- endif -%}
{%- endmacro -%}
