{# True where a raw text column holds something that its type cannot be read from. #}
{%- macro any_unreadable(numbers=[], integers=[], times=[]) -%}
    {%- set doubts = [] -%}
    {%- for column in numbers -%}
        {%- do doubts.append('(' ~ column ~ ' is not null and ' ~ try_number(column) ~ ' is null)') -%}
    {%- endfor -%}
    {%- for column in integers -%}
        {%- do doubts.append('(' ~ column ~ ' is not null and ' ~ try_integer(column) ~ ' is null)') -%}
    {%- endfor -%}
    {%- for column in times -%}
        {%- do doubts.append('(' ~ column ~ ' is not null and ' ~ try_timestamp(column) ~ ' is null)') -%}
    {%- endfor -%}
    ({{ doubts | join(' or ') }})
{%- endmacro -%}
