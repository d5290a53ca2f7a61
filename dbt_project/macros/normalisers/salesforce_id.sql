{#
    Salesforce writes one id in two forms: 15 characters, where case matters, and 18, where three
    more say which of them are capitals. Reports export the short form, the API the long one; the
    long form is what we compare. Text of any other length is passed through.
#}
{%- macro salesforce_id(column) -%}
    case
        when length(trim({{ column }})) = 15
            then trim({{ column }})
            {%- for chunk in [0, 5, 10] %}
            || substr(
                'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
                1
                {%- for place in range(5) %}
                + case
                    when ascii(substr(trim({{ column }}), {{ chunk + place + 1 }}, 1)) between 65 and 90
                        then {{ 2 ** place }}
                    else 0
                end
                {%- endfor %},
                1
            )
            {%- endfor %}
        else nullif(trim({{ column }}), '')
    end
{%- endmacro -%}
