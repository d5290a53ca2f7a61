{#
    The instant up to which is known what has landed: the var known_at, else SEAMLINE_KNOWN_AT, else
    as_of. A past as_of by itself recomputes what was known then; with a later known_at it
    computes what is true of then by what is known since.
    The mark tells the one instant from the other in compiled SQL, where segments are replayed.
#}
{%- macro known_at() -%}
    {%- set given = var('known_at', none) or env_var('SEAMLINE_KNOWN_AT', '') -%}
    {%- if given -%}
        cast('{{ given }}' as {{ dbt.type_timestamp() }})
    {%- else -%}
        {{ as_of() }}
    {%- endif %} /* known at */
{%- endmacro -%}
