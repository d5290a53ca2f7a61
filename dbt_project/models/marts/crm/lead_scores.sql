{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set scoring = var('lead_scoring') -%}
with

leads as (

    select * from {{ ref('leads') }}
    where not is_converted

),

people as (

    select * from {{ ref('people') }}

),

timeline as (

    select
        person_id,
        case activity
            {%- for activity, points in scoring.behaviour.items() %}
                when '{{ activity }}' then {{ points }}
            {%- endfor %}
        end as points,
        {{ seconds_between('occurred_at', as_of()) }} / 86400 as age_days
    from {{ ref('timeline') }}
    where occurred_at >= {{ days_before(as_of(), scoring.window_days) }}

),

behaved as (

    select
        person_id,
        sum(points * exp(-ln(2.0) * age_days / {{ scoring.half_life_days }})) as points
    from timeline
    where points is not null
    group by 1

),

scored as (

    select
        leads.*,
        case when coalesce(leads.company_name, people.company_name) is not null
            then {{ scoring.explicit.company_name }} else 0 end
        + case when people.job_title is not null then {{ scoring.explicit.job_title }} else 0 end
        + case when people.phone is not null then {{ scoring.explicit.phone }} else 0 end
        + case leads.lead_source
            {%- for source, points in scoring.sources.items() %}
                when '{{ source }}' then {{ points }}
            {%- endfor %}
            else 0
        end as explicit_points,
        cast(coalesce(behaved.points, 0) as numeric(18, 4)) as behaviour_points
    from leads
    left join people on leads.person_id = people.person_id
    left join behaved on leads.person_id = behaved.person_id

)

select
    lead_id,
    person_id,
    owner_id,
    status,
    lead_source,
    cast(explicit_points as {{ dbt.type_bigint() }}) as explicit_points,
    behaviour_points,
    cast(explicit_points + behaviour_points as numeric(18, 4)) as score,
    explicit_points + behaviour_points >= {{ scoring.qualified_from }} as is_qualified,
    created_at
from scored
