{# An instant, some days earlier: windows in segments read `between days_before(…) and …`. #}
{% macro days_before(instant, days) %}
    {{- add_seconds(instant, -86400 * days) -}}
{% endmacro %}
