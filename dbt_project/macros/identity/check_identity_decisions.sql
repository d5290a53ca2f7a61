{#
    Stops before anything is resolved where humans decided what cannot be: an action or a type that
    nobody knows, a value that is none, a split between what links join. Values are named by the
    first digits of their identifier_key, as in identity_person_map. Yields nothing.
#}
{%- macro check_identity_decisions() -%}
    {%- if execute -%}
        {%- set decisions = run_query(
            'select action, left_type, ' ~ normalise_identifier('left_type', 'left_value')
            ~ ' as left_value, right_type, ' ~ normalise_identifier('right_type', 'right_value')
            ~ ' as right_value from ' ~ ref('identity_decisions')
        ).rows -%}
        {%- set leaders = {} -%}
        {%- for action, left_type, left_value, right_type, right_value in decisions -%}
            {%- if action not in ['link', 'split'] -%}
                {{ refuse_decision('action', "'" ~ action ~ "' is unknown; use link or split") }}
            {%- endif -%}
            {%- for side, type, value in [('left', left_type, left_value), ('right', right_type, right_value)] -%}
                {%- if type not in var('identifier_types') -%}
                    {{ refuse_decision(side ~ '_type', "'" ~ type ~ "' is unknown; use " ~ var('identifier_types') | join(', ')) }}
                {%- elif not value -%}
                    {{ refuse_decision(side ~ '_value', 'a value is no ' ~ type ~ '; write one that can be normalised') }}
                {%- endif -%}
            {%- endfor -%}
            {%- if action == 'link' -%}
                {%- set joined = leaders.get((left_type, left_value), [(left_type, left_value)]) + leaders.get((right_type, right_value), [(right_type, right_value)]) -%}
                {%- for identifier in joined -%}
                    {%- do leaders.update({identifier: joined}) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for action, left_type, left_value, right_type, right_value in decisions if action == 'split' -%}
            {%- if (right_type, right_value) in leaders.get((left_type, left_value), [(left_type, left_value)]) -%}
                {{ refuse_decision('action', 'split of ' ~ identifier_name(left_type, left_value) ~ ' and '
                    ~ identifier_name(right_type, right_value) ~ ', which links make one; take back the split or a link') }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro identifier_name(type, value) -%}
    {{ type }} {{ local_md5(type ~ ':' ~ value)[:8] }}…
{%- endmacro -%}

{%- macro refuse_decision(field, fault) -%}
    {{ exceptions.raise_compiler_error('seeds/reference/identity_decisions.csv, ' ~ field ~ ': ' ~ fault ~ '.') }}
{%- endmacro -%}
