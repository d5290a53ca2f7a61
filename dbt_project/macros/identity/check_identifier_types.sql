{# Stops at the first setting of identity in dbt_project.yml that cannot be meant. Yields nothing. #}
{%- macro check_identifier_types() -%}
    {%- set known = [
        'normaliser', 'priority', 'limit', 'window_days', 'unique', 'common_above', 'shareable',
        'sources', 'blocked', 'blocked_patterns',
    ] -%}
    {%- set types = var('identifier_types') -%}
    {%- set priorities = {} -%}
    {%- for name, settings in types.items() -%}
        {%- set place = 'identifier_types.' ~ name -%}
        {%- if not modules.re.fullmatch('[a-z][a-z0-9_]*', name) or name == 'record' -%}
            {{ refuse_setting(place, 'this name cannot be used', 'take small letters, digits and _, and not record') }}
        {%- endif -%}
        {%- for setting in settings if setting not in known -%}
            {{ refuse_setting(place ~ '.' ~ setting, 'no such setting', 'use ' ~ known | join(', ')) }}
        {%- endfor -%}
        {%- if settings.normaliser not in ['text', 'lower', 'email', 'phone'] -%}
            {{ refuse_setting(place ~ '.normaliser', "'" ~ settings.normaliser ~ "' is unknown", 'use text, lower, email or phone') }}
        {%- endif -%}
        {%- for setting in ['priority', 'limit', 'window_days', 'common_above'] -%}
            {%- if settings[setting] is defined and (settings[setting] is boolean or settings[setting] is not integer or settings[setting] < 1) -%}
                {{ refuse_setting(place ~ '.' ~ setting, "'" ~ settings[setting] ~ "' is no count", 'use a whole number from 1 on') }}
            {%- endif -%}
        {%- endfor -%}
        {%- if settings.priority is not defined -%}
            {{ refuse_setting(place ~ '.priority', 'is missing', 'use a whole number from 1 on') }}
        {%- elif settings.priority in priorities -%}
            {{ refuse_setting(place ~ '.priority', settings.priority ~ ' is also that of ' ~ priorities[settings.priority], 'say which of them is believed first') }}
        {%- endif -%}
        {%- do priorities.update({settings.priority: name}) -%}
        {%- if settings.window_days is defined and settings.limit is not defined -%}
            {{ refuse_setting(place ~ '.window_days', 'there is no limit to count in it', 'add limit') }}
        {%- endif -%}
        {%- if settings.unique is defined and settings.unique is not boolean -%}
            {{ refuse_setting(place ~ '.unique', "'" ~ settings.unique ~ "' is neither true nor false", 'use one of them') }}
        {%- endif -%}
        {%- if settings.unique and settings.limit is defined and settings.limit > 1 -%}
            {{ refuse_setting(place ~ '.limit', 'a unique identifier has one value per person, not ' ~ settings.limit, 'drop limit or unique') }}
        {%- endif -%}
        {%- if settings.shareable is defined and settings.shareable not in ['device', 'phone'] -%}
            {{ refuse_setting(place ~ '.shareable', "'" ~ settings.shareable ~ "' is unknown", 'use device or phone') }}
        {%- endif -%}
        {%- if settings.unique and settings.shareable is defined -%}
            {{ refuse_setting(place ~ '.shareable', 'what several people use cannot be unique to one', 'drop shareable or unique') }}
        {%- endif -%}
        {%- for source_name in settings.sources or [] if source_name not in var('source_catalogue') -%}
            {{ refuse_setting(place ~ '.sources', "'" ~ source_name ~ "' is no source", 'use those of source_catalogue') }}
        {%- endfor -%}
    {%- endfor -%}
    {%- set most = var('identity_guards').max_identifiers -%}
    {%- if most is boolean or most is not integer or most < 2 -%}
        {{ refuse_setting('identity_guards.max_identifiers', "'" ~ most ~ "' is no size", 'use a whole number from 2 on') }}
    {%- endif -%}
    {%- for setting in ['least_density', 'doubt_below_density'] -%}
        {%- set share = var('identity_guards')[setting] -%}
        {%- if share is not number or share is boolean or share < 0 or share > 1 -%}
            {{ refuse_setting('identity_guards.' ~ setting, "'" ~ share ~ "' is no share", 'use a number from 0 to 1') }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro -%}

{%- macro refuse_setting(place, fault, remedy) -%}
    {{ exceptions.raise_compiler_error('dbt_project.yml, vars.' ~ place ~ ': ' ~ fault ~ '; ' ~ remedy ~ '.') }}
{%- endmacro -%}
