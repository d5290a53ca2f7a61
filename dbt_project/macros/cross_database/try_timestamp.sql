{#
    UTC timestamp from ISO 8601 text, null where it is none. Offsets are applied; text without
    one is UTC; digits beyond microseconds are cut.
#}
{%- macro try_timestamp(expression) -%}
    {{ return(adapter.dispatch('try_timestamp', 'seamline')(expression)) }}
{%- endmacro -%}


{%- macro default__try_timestamp(expression) -%}
    case
        when not {{ matches_pattern(expression, timestamp_pattern()) }} then null
        when {{ matches_pattern(expression, '[+-]\d\d:?\d\d$') }} and length({{ expression }}) > 10
            then try_cast({{ expression }} as timestamptz) at time zone 'UTC'
        else try_cast({{ expression }} as timestamp)
    end
{%- endmacro -%}

{# PostgreSQL 15 cannot try: days that their month does not have are refused before the cast. #}
{%- macro postgres__try_timestamp(expression) -%}
    {%- set digits = replace_pattern(expression, '([.]\d{6})\d+', '\\1') -%}
    case
        when not {{ matches_pattern(expression, timestamp_pattern()) }} then null
        when {{ matches_pattern(expression, '^\d{4}-(02-3|(04|06|09|11)-31)') }} then null
        when substr({{ expression }}, 6, 5) = '02-29' and (
            cast(substr({{ expression }}, 1, 4) as integer) % 4 <> 0
            or (cast(substr({{ expression }}, 1, 4) as integer) % 100 = 0 and cast(substr({{ expression }}, 1, 4) as integer) % 400 <> 0)
        ) then null
        when {{ matches_pattern(expression, '[+-]\d\d:?\d\d$') }} and length({{ expression }}) > 10
            then cast({{ digits }} as timestamptz) at time zone 'UTC'
        else cast({{ digits }} as timestamp)
    end
{%- endmacro -%}

{%- macro spark__try_timestamp(expression) -%}
    case when {{ matches_pattern(expression, timestamp_pattern()) }} then try_cast({{ expression }} as timestamp) end
{%- endmacro -%}
