{# True of a ticket that somebody waits on, with something that cannot wait. #}
{%- macro is_severe() -%}
    is_open and priority in ('high', 'urgent')
{%- endmacro -%}
