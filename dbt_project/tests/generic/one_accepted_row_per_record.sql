{# Of all versions of a record that landed, exactly one may count. #}
{% test one_accepted_row_per_record(model) %}

select
    source_id,
    count(*) as accepted_rows
from {{ model }}
where row_status = 'accepted'
group by 1
having count(*) > 1 or source_id is null

{% endtest %}
