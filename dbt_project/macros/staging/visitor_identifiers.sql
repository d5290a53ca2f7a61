{#
    Identifier rows of what events show without a form: each anonymous visitor, each login (one
    anonymous id used with one user id), and each user who was never seen with an anonymous id.
#}
{%- macro visitor_identifiers(events) -%}
    {%- set records = {
        'anonymous': ("anonymous_id", "anonymous_id is not null", ['anonymous_id']),
        'login': ("anonymous_id || '/' || user_id", "anonymous_id is not null and user_id is not null", ['anonymous_id', 'user_id']),
        'user': ("user_id", "anonymous_id is null and user_id is not null", ['user_id']),
    } -%}
    {%- for record, (key, condition, identifiers) in records.items() -%}
    {%- set last_record = loop.last -%}
    {%- for identifier in identifiers %}
select
    source_name,
    '{{ record }}/' || {{ key }} as source_id,
    min(loaded_at) as loaded_at,
    is_deleted,
    row_status,
    cast('{{ identifier }}' as {{ dbt.type_string() }}) as identifier_type,
    {{ identifier }} as identifier_value,
    min(occurred_at) as observed_at,
    min(loaded_at) as arrived_at
from {{ events }}
where {{ condition }}
group by 1, 2, 4, 5, 6, 7
    {{- '\n\nunion all\n' if not (loop.last and last_record) }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro -%}
