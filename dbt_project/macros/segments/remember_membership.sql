{#
  Writes who entered and who left the segment just built, at the run's instant.

  What is recorded for one instant depends only on the last build at that instant, so a run that
  is repeated changes nothing, and one that is repeated after a mistake was mended replaces it.
  Memory only grows forward: a build as of an earlier instant than the newest one remembered
  writes nothing, for it would rewrite what was known.

  `among`, a relation or a query of person ids in parentheses, leaves everybody else's as it is.
#}
{% macro remember_membership(among=none) %}
{%- set memberships = segment_memberships() -%}
{%- set segment = "'" ~ this.identifier ~ "'" -%}
{%- set is_member -%}
exists (
    select 1 from {{ this }} as member where member.person_id = {{ memberships.identifier }}.person_id
)
{%- endset -%}
{%- set is_asked_about = 'person_id in ' ~ among if among else '1 = 1' -%}
{%- set is_not_in_the_past -%}
not exists (
    select 1 from {{ memberships }} as newer
    where newer.segment = {{ segment }}
        and (newer.entered_at > {{ as_of() }} or newer.left_at > {{ as_of() }})
)
{%- endset -%}

-- entered at this very instant, and no longer said to have entered
delete from {{ memberships }}
where segment = {{ segment }}
    and entered_at = {{ as_of() }}
    and not {{ is_member }}
    and {{ is_asked_about }}
    and {{ is_not_in_the_past }};

-- left at this very instant, and no longer said to have left
update {{ memberships }} set left_at = null
where segment = {{ segment }}
    and left_at = {{ as_of() }}
    and {{ is_member }}
    and {{ is_not_in_the_past }};

update {{ memberships }} set left_at = {{ as_of() }}
where segment = {{ segment }}
    and left_at is null
    and not {{ is_member }}
    and {{ is_asked_about }}
    and {{ is_not_in_the_past }};

insert into {{ memberships }} (segment, person_id, entered_at, left_at)
select
    {{ segment }},
    entering.person_id,
    {{ as_of() }},
    null
from {{ this }} as entering
where {{ is_not_in_the_past }}
    and {{ is_asked_about }}
    and not exists (
        select 1 from {{ memberships }} as staying
        where staying.segment = {{ segment }}
            and staying.person_id = entering.person_id
            and staying.left_at is null
    );
{% endmacro %}
