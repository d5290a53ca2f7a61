{# The domain of a website in lower case, without scheme, www, port and path; null where it is none. #}
{%- macro domain_of(expression) -%}
    {{ extract_pattern(
        replace_pattern(
            ascii_lower('trim(' ~ expression ~ ')'), '^(?:[a-z]+://)?(?:www[.])?|[/?#:].*$', ''
        ),
        '^[a-z0-9-]+(?:[.][a-z0-9-]+)+$'
    ) }}
{%- endmacro -%}
