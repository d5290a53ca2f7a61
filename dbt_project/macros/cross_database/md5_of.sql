{# md5 of a text as 32 hexadecimal digits. #}
{%- macro md5_of(expression) -%}
    {{ return(adapter.dispatch('md5_of', 'seamline')(expression)) }}
{%- endmacro -%}

{%- macro default__md5_of(expression) -%} md5({{ expression }}) {%- endmacro -%}

{%- macro bigquery__md5_of(expression) -%} to_hex(md5({{ expression }})) {%- endmacro -%}
