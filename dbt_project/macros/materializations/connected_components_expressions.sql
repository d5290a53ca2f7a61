{#
    What the connected_components materialization says differently to each engine. A key stands for an
    id while components are looked for: whole numbers join and compare many times faster than text.
#}
{% macro components_key(expression, is_text) %}
    {% if not is_text or not config.get('hash_keys', true) %}
        {{ return(expression) }}
    {% endif %}
    {{ return(adapter.dispatch('components_key')(expression)) }}
{% endmacro %}

{# dbt does not count Spark's name for text among those that it knows. #}
{% macro components_is_text(column) %}
    {{ return(column.is_string() or column.data_type | lower == 'string') }}
{% endmacro %}

{% macro default__components_key(expression) %}
    {{ return(expression) }}
{% endmacro %}

{#
    DuckDB's own hash reads text eight bytes at a time and is the same for many texts that differ only
    in the last byte of two such blocks, such as cookie:855391-16 and cookie:355391-11. Moved by half
    a block no text differs in the same way again.
#}
{% macro duckdb__components_key(expression) %}
    {{ return(
        "cast(xor(hash(" ~ expression ~ "), hash('half' || " ~ expression ~ ")) >> 1 as bigint)"
    ) }}
{% endmacro %}

{% macro postgres__components_key(expression) %}
    {{ return('hashtextextended(cast(' ~ expression ~ ' as text), 0)') }}
{% endmacro %}

{% macro spark__components_key(expression) %}
    {{ return('xxhash64(' ~ expression ~ ')') }}
{% endmacro %}


{#
    A working table of the few rows to be found among many. DuckDB sifts the many while it reads them,
    by a Bloom filter, but only where the few come out of a filter themselves: this one keeps them all.
#}
{% macro components_few(relation) %}
    {{ return(adapter.dispatch('components_few')(relation)) }}
{% endmacro %}

{% macro default__components_few(relation) %}
    {{ return(relation) }}
{% endmacro %}

{% macro duckdb__components_few(relation) %}
    {{ return('(select * from ' ~ relation ~ ' where rowid >= 0)') }}
{% endmacro %}


{# The smallest of the ids in a group. #}
{% macro components_smallest(expression, is_text) %}
    {{ return(adapter.dispatch('components_smallest')(expression, is_text)) }}
{% endmacro %}

{% macro default__components_smallest(expression, is_text) %}
    {{ return('min(' ~ expression ~ ')') }}
{% endmacro %}

{# The database's collation may put 'a' before 'B'; byte order is the same everywhere. #}
{% macro postgres__components_smallest(expression, is_text) %}
    {% if is_text %}
        {{ return('min(' ~ expression ~ ' collate "C") collate "default"') }}
    {% endif %}
    {{ return('min(' ~ expression ~ ')') }}
{% endmacro %}


{# The expression in that row of a group where another is smallest. #}
{% macro components_first(expression, smallest) %}
    {{ return(adapter.dispatch('components_first')(expression, smallest)) }}
{% endmacro %}

{% macro default__components_first(expression, smallest) %}
    {{ return('min_by(' ~ expression ~ ', ' ~ smallest ~ ')') }}
{% endmacro %}

{% macro postgres__components_first(expression, smallest) %}
    {{ return('(array_agg(' ~ expression ~ ' order by ' ~ smallest ~ '))[1]') }}
{% endmacro %}


{#
    A different whole number for each row of a working table: `components_numbered` is the column to
    create it with, `components_number` says it of a table so created. DuckDB numbers rows by itself.
#}
{% macro components_numbered() %}
    {{ return(adapter.dispatch('components_numbered')()) }}
{% endmacro %}

{% macro default__components_numbered() %}
    {{ return(', row_number() over () as edge') }}
{% endmacro %}

{% macro duckdb__components_numbered() %}
    {{ return('') }}
{% endmacro %}

{% macro spark__components_numbered() %}
    {{ return(', monotonically_increasing_id() as edge') }}
{% endmacro %}

{% macro components_number(table) %}
    {{ return(adapter.dispatch('components_number')(table)) }}
{% endmacro %}

{% macro default__components_number(table) %}
    {{ return(table ~ '.edge') }}
{% endmacro %}

{% macro duckdb__components_number(table) %}
    {{ return(table ~ '.rowid') }}
{% endmacro %}
