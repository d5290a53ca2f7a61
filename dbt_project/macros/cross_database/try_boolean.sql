{# boolean from text, null where it is none. #}
{%- macro try_boolean(expression) -%}
    case
        when {{ ascii_lower(expression) }} in ('true', 't', 'yes', 'y', '1') then true
        when {{ ascii_lower(expression) }} in ('false', 'f', 'no', 'n', '0') then false
    end
{%- endmacro -%}
