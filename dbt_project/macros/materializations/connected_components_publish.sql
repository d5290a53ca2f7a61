{# The tables that the connected_components materialization leaves. #}

{# A table that stays; used with `call`. #}
{% macro components_publish(relation) %}
    {{ return(adapter.dispatch('components_publish')(relation, caller())) }}
{% endmacro %}

{% macro default__components_publish(relation, query) %}
    {% call statement('main') %}
        create table {{ relation }} as {{ query }}
    {% endcall %}
{% endmacro %}

{% macro postgres__components_publish(relation, query) %}
    {% do default__components_publish(relation, query) %}
    {% call statement('components_analyze') %}
        analyze {{ relation }}
    {% endcall %}
{% endmacro %}

{% macro spark__components_publish(relation, query) %}
    {% call statement('main') %}
        create table {{ relation }} {{ file_format_clause() }} as {{ query }}
    {% endcall %}
{% endmacro %}


{# A table of ids that stays and that partial runs read whole and write in part; used with `call`. #}
{% macro components_publish_ids(relation, columns, is_text) %}
    {{ return(adapter.dispatch('components_publish_ids')(relation, columns, is_text, caller())) }}
{% endmacro %}

{% macro default__components_publish_ids(relation, columns, is_text, query) %}
    {% call components_publish(relation) %}{{ query }}{% endcall %}
{% endmacro %}

{#
    DuckDB's compression of ids takes five times as long as writing them as they are, and saves two
    thirds of the room.
#}
{% macro duckdb__components_publish_ids(relation, columns, is_text, query) %}
    {% if not is_text %}
        {% do default__components_publish_ids(relation, columns, is_text, query) %}
        {{ return('') }}
    {% endif %}
    {% call statement('components_create') %}
        create table {{ relation }} (
            {{ columns | join(' varchar using compression uncompressed, ') }}
            varchar using compression uncompressed
        )
    {% endcall %}
    {% call statement('main') %}
        insert into {{ relation }} {{ query }}
    {% endcall %}
{% endmacro %}
