{# The loop below leaves lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set fields = [
    'email', 'phone', 'first_name', 'last_name', 'job_title', 'company_name', 'lifecycle_stage',
    'lead_source', 'owner_id', 'city', 'country', 'is_opted_out_of_email',
] -%}
{%- set columns = {'contact_id': 'string', 'is_opted_out_of_email': 'boolean'} -%}
{%- do columns.update({'updated_at': 'timestamp', '_file': 'string', '_row': 'bigint'}) -%}
{%- for field in fields %}{% do columns.setdefault(field, 'string') %}{% endfor -%}

with

landed as (

    {{ union_sources('contacts', columns, every_version=true) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

),

-- Where two versions claim to be of one instant, the one that landed later is the newer.
versions as (

    select
        landed.*,
        members.person_id,
        coalesce(landed.updated_at, landed.loaded_at) as changed_at,
        row_number() over (
            partition by landed.contact_id
            order by
                case when landed.updated_at is null then 0 else 1 end,
                landed.updated_at,
                landed.loaded_at,
                {{ byte_order('landed._file') }},
                landed._row
        ) as version_number
    from landed
    inner join members on landed.contact_id = members.contact_id

),

said as (
{% for field in fields %}
    select
        person_id,
        source_name,
        contact_id,
        '{{ field }}' as field,
        {%- if columns[field] == 'boolean' %}
        case when {{ field }} then 'true' else 'false' end as value,
        {%- else %}
        {{ field }} as value,
        {%- endif %}
        version_number,
        changed_at
    from versions
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

preceded as (

    select
        *,
        lag(value) over (partition by contact_id, field order by version_number) as previous_value
    from said

),

-- An export repeats what has not changed. What a field lacked from the start it never lost.
changes as (

    select *
    from preceded
    where coalesce(value, '') <> coalesce(previous_value, '')

)

select
    person_id,
    source_name,
    contact_id as source_contact_id,
    field,
    cast(row_number() over (
        partition by contact_id, field order by version_number
    ) as {{ dbt.type_bigint() }}) as change_number,
    value,
    lead(changed_at) over (partition by contact_id, field order by version_number) as replaced_at,
    changed_at
from changes
