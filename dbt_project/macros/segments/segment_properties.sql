{#
  A segment's evidence as one JSON object: the columns of its contract, `person_id` left out, and
  the variant of its experiment where it runs one. An amount means nothing without its currency:
  where a segment has no column `currency`, its amounts are in the reporting currency, and say so.
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
    {%- if 'money' in properties.values() | map(attribute=1) and 'currency' not in properties -%}
        {%- do properties.update({'currency': ("'" ~ var('reporting_currency') ~ "'", 'string')}) -%}
    {%- endif -%}
    {%- set experiment = segment.config.meta.segment.get('experiment') -%}
    {%- if experiment -%}
        {%- do properties.update({
            'variant': (experiment_variant(experiment, 'member.person_id'), 'string')
        }) -%}
    {%- endif -%}
    {{- return(json_object(properties)) -}}
{% endmacro %}
