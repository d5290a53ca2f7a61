{# SHA-256 of a text's UTF-8 bytes as 64 hexadecimal digits. #}
{%- macro sha256_of(expression) -%}
    {{ return(adapter.dispatch('sha256_of', 'seamline')(expression)) }}
{%- endmacro -%}

{%- macro default__sha256_of(expression) -%} sha256({{ expression }}) {%- endmacro -%}

{%- macro postgres__sha256_of(expression) -%}
    encode(sha256(convert_to({{ expression }}, 'UTF8')), 'hex')
{%- endmacro -%}

{%- macro spark__sha256_of(expression) -%} sha2({{ expression }}, 256) {%- endmacro -%}

{%- macro snowflake__sha256_of(expression) -%} sha2({{ expression }}, 256) {%- endmacro -%}

{%- macro bigquery__sha256_of(expression) -%} to_hex(sha256({{ expression }})) {%- endmacro -%}
