{# Two open stays of one person in one segment would count that person twice. #}
select
    segment,
    person_id,
    count(*) as open_stays
from {{ segment_memberships() }}
where left_at is null
group by 1, 2
having count(*) > 1
