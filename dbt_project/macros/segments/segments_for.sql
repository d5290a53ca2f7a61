{#
  The segments by name: all of them, or those whose YAML names a destination among its channels.

  It reads dbt's graph, which is complete only once everything is parsed: while parsing, and in
  models that dbt must order after the segments, there is nothing to read. That is why the
  activation models run as an invocation of their own. A segment that does not say what it is
  for reaches no channel: that is an error.
#}
{% macro segments_for(destination=none) %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() | sort(attribute='name') -%}
            {%- set segment = node.config.meta.get('segment') if node.resource_type == 'model' -%}
            {%- if segment and (destination is none or destination in segment.get('channels', [])) -%}
                {%- for fact in ['label', 'owner', 'objective', 'purpose', 'expires_on']
                        if not node.config.meta.segment.get(fact) -%}
                    {{- exceptions.raise_compiler_error(
                        node.patch_path.split('://') | last ~ ": the segment '" ~ node.name
                        ~ "' has no config.meta.segment." ~ fact ~ "; say it there."
                    ) -}}
                {%- endfor -%}
                {%- do found.append(node) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(found) -}}
{% endmacro %}
