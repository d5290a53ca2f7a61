select
    segment,
    person_id,
    entered_at,
    left_at
from {{ segment_memberships() }}
where left_at <= entered_at
