{# The enabled sources that bring an entity, in the order of the var sources. #}
{%- macro sources_with(entity) -%}
    {%- set found = [] -%}
    {%- for source_name in var('sources') -%}
        {%- if source_name not in var('source_catalogue') -%}
            {{ exceptions.raise_compiler_error(
                "dbt_project.yml, vars.sources: '" ~ source_name ~ "' is not in source_catalogue; add it there or remove it."
            ) }}
        {%- endif -%}
        {%- if entity in var('source_catalogue')[source_name].entities -%}
            {%- do found.append(source_name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro -%}
