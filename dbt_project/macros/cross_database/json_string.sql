{#
    A text as a JSON string, quotes included; null stays null. Written out rather than left to
    the engines, whose escapes differ. Control characters that JSON has no letter for are dropped.
#}
{%- macro json_string(expression) -%}
    ('"' || {{ replace_pattern(
        "replace(replace(replace(replace(replace(" ~ expression
        ~ ", '\\', '\\\\'), '\"', '\\\"'), chr(10), '\\n'), chr(13), '\\r'), chr(9), '\\t')",
        '[\\x01-\\x1f]', ''
    ) }} || '"')
{%- endmacro -%}
