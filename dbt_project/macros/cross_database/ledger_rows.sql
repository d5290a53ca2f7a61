{#
    A select of `columns` (name to type) of one of the sync ledger's tables. What the ledger does
    not have is null, and before the first sync there is no row: the models that read it can always
    be built. On DuckDB the ledger is a file of its own, which the engine owns; it is read only.
#}
{%- macro ledger_rows(table, columns) -%}
    {%- set known = [] -%}
    {%- if execute -%}
        {%- set known = adapter.dispatch('ledger_columns', 'seamline')(table) -%}
    {%- endif %}
    select
        {%- for name, type in columns.items() %}
        cast({{ name if name in known else 'null' }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    {%- if known %}
    from sync.{{ table }}
    {%- else %}
    where 1 = 0
    {%- endif %}
{%- endmacro -%}

{%- macro default__ledger_columns(table) -%}
    {%- set query -%}
        select column_name from information_schema.columns
        where table_schema = 'sync' and table_name = '{{ table }}'
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro -%}

{%- macro duckdb__ledger_columns(table) -%}
    {%- set file = env_var('SEAMLINE_HOME', '.seamline') ~ '/sync.duckdb' -%}
    {%- if run_query("select count(*) from glob('" ~ file ~ "')").columns[0].values()[0] == 0 -%}
        {{ return([]) }}
    {%- endif -%}
    {%- do run_query("attach if not exists '" ~ file ~ "' as sync (read_only)") -%}
    {%- set query -%}
        select column_name from information_schema.columns
        where table_catalog = 'sync' and table_name = '{{ table }}'
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro -%}
