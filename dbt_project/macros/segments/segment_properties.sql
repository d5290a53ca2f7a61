{#
  A segment's evidence as one JSON object: the columns of its contract, `person_id` left out, and
  the variant of its experiment where it runs one.
  A column whose YAML says `meta: {is_json: true}` goes in as JSON, not as quoted text.
#}
{% macro segment_properties(segment) %}
    {%- set properties = {} -%}
    {%- for column in segment.columns.values() if column.name != 'person_id' -%}
        {%- set is_json = column.config.meta.get('is_json', false) -%}
        {%- set type = 'money' if column.data_type.startswith('numeric') else column.data_type -%}
        {%- do properties.update({
            column.name: ('member.' ~ column.name, 'json' if is_json else type)
        }) -%}
    {%- endfor -%}
    {%- set experiment = segment.config.meta.segment.get('experiment') -%}
    {%- if experiment -%}
        {%- do properties.update({
            'variant': (experiment_variant(experiment, 'member.person_id'), 'string')
        }) -%}
    {%- endif -%}
    {{- return(json_object(properties)) -}}
{% endmacro %}
