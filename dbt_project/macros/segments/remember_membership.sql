{#
  Writes who entered and who left the segment just built, at the run's instant.

  What is recorded for one instant depends only on the last build at that instant, so a run that
  is repeated changes nothing, and one that is repeated after a mistake was mended replaces it.
  Memory only grows forward: a build as of an earlier instant than the newest one remembered
  writes nothing, for it would rewrite what was known.

  `among`, a relation or a query of person ids in parentheses, leaves everybody else's as it is.
  `members` names several segments, each with the relation of who is in it, in place of this one.
#}
{% macro remember_membership(among=none, members=none) %}
{%- set memberships = segment_memberships() -%}
{%- set members = members or {this.identifier: this} -%}
{%- set names = "'" ~ members.keys() | join("', '") ~ "'" -%}
{%- set said -%}
(
    {%- for segment, relation in members.items() %}
    select '{{ segment }}' as segment, person_id from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)
{%- endset -%}
{%- set is_member -%}
exists (
    select 1 from {{ said }} as member
    where member.segment = {{ memberships.identifier }}.segment
        and member.person_id = {{ memberships.identifier }}.person_id
)
{%- endset -%}
{%- set is_asked_about = 'person_id in ' ~ among if among else '1 = 1' -%}
{%- set is_not_in_the_past -%}
segment not in (
    select newer.segment from {{ memberships }} as newer
    where newer.entered_at > {{ as_of() }} or newer.left_at > {{ as_of() }}
)
{%- endset -%}

-- entered at this very instant, and no longer said to have entered
delete from {{ memberships }}
where segment in ({{ names }})
    and entered_at = {{ as_of() }}
    and {{ is_asked_about }}
    and {{ is_not_in_the_past }}
    and not {{ is_member }};

-- left at this very instant, and no longer said to have left
update {{ memberships }} set left_at = null
where segment in ({{ names }})
    and left_at = {{ as_of() }}
    and {{ is_member }}
    and {{ is_not_in_the_past }};

update {{ memberships }} set left_at = {{ as_of() }}
where segment in ({{ names }})
    and left_at is null
    and {{ is_asked_about }}
    and {{ is_not_in_the_past }}
    and not {{ is_member }};

insert into {{ memberships }} (segment, person_id, entered_at, left_at)
select
    entering.segment,
    entering.person_id,
    {{ as_of() }},
    null
from {{ said }} as entering
where {{ is_not_in_the_past }}
    and {{ is_asked_about }}
    and not exists (
        select 1 from {{ memberships }} as staying
        where staying.segment = entering.segment
            and staying.person_id = entering.person_id
            and staying.left_at is null
    );
{% endmacro %}
