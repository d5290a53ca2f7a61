{# Why an e-commerce event cannot be used: as any message, or for a number that is none. #}
{%- macro segment_commerce_reasons() -%}
    {{ return(dict(segment_reasons(), bad_number='has_bad_number')) }}
{%- endmacro -%}
