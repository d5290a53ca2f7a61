{#
    The instant every table is computed for: the var as_of, else SEAMLINE_AS_OF, else the run's
    start. No model reads the clock, so that any table can be rebuilt as of any instant.
#}
{%- macro as_of() -%}
    {%- set given = var('as_of', none) or env_var('SEAMLINE_AS_OF', '') -%}
    {%- set instant = run_started_at.astimezone(modules.pytz.utc) -%}
    {%- if given -%}
        {%- set parsed = modules.datetime.datetime.fromisoformat((given | string).replace('Z', '+00:00')) -%}
        {%- set parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=modules.pytz.utc) -%}
        {%- if target.name in var('live_targets') and parsed < instant -%}
            {{ exceptions.raise_compiler_error(
                "as_of " ~ given ~ " is in the past and target '" ~ target.name ~ "' is live: its tables feed real"
                ~ " channels. Build the past in a target that is not in live_targets."
            ) }}
        {%- endif -%}
        {%- set instant = parsed.astimezone(modules.pytz.utc) -%}
    {%- endif -%}
    cast('{{ instant.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ dbt.type_timestamp() }})
{%- endmacro -%}
