{# A relation of the integers 0 to 10^digits - 1, in the column number. #}
{%- macro numbers(digits) -%}
select
    {% for place in range(digits) -%}
    {{ '+ ' if not loop.first }}{{ 10 ** place }} * digit_{{ place }}.digit
    {% endfor -%}
    as number
from
    {% for place in range(digits) -%}
    {{ 'cross join ' if not loop.first }}(
        {%- for digit in range(10) %}select {{ digit }} as digit{{ ' union all ' if not loop.last }}{% endfor -%}
    ) as digit_{{ place }}
    {% endfor -%}
{%- endmacro -%}
