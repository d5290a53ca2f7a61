{#
  The variant of a segment's experiment that a person is in: 'control', which no channel hears of, or
  one of its variants, which share the rest equally; 'treated' where it names none.

  It depends on the salt and the person alone: the first 32 bits of md5('<salt>/<person_id>'), as
  hexadecimal text, which compares as the number it writes. A merge keeps the surviving person's.
#}
{% macro experiment_variant(experiment, person_id) %}
    {%- set variants = experiment.get('variants', ['treated']) -%}
    {%- set control = experiment.control -%}
    {%- set drawn -%}
        substring({{ md5_of("'" ~ experiment.salt ~ "/' || " ~ person_id) }}, 1, 8)
    {%- endset -%}
    case
        when {{ drawn }} < '{{ "%08x" | format((control * 4294967295) | int) }}' then 'control'
    {%- for variant in variants[:-1] %}
        {%- set share = control + (1 - control) * loop.index / (variants | length) %}
        when {{ drawn }} < '{{ "%08x" | format((share * 4294967295) | int) }}' then '{{ variant }}'
    {%- endfor %}
        else '{{ variants | last }}'
    end
{%- endmacro %}
