{# Lower case of A-Z only: beyond ASCII, engines and collations disagree. #}
{%- macro ascii_lower(expression) -%}
    translate({{ expression }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
{%- endmacro -%}
