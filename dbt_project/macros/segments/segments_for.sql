{#
  The segments whose YAML names a destination among its channels, by name.

  It reads dbt's graph, which is complete only once everything is parsed: while parsing, and in
  models that dbt must order after the segments, there is nothing to read. That is why the
  activation models run as an invocation of their own.
#}
{% macro segments_for(destination) %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() | sort(attribute='name') -%}
            {%- if node.resource_type == 'model'
                    and destination in node.config.meta.get('segment', {}).get('channels', []) -%}
                {%- do found.append(node) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(found) -}}
{% endmacro %}
