{#
    The verdict on every row of a CTE that starts with row_origin: quarantined (with the first
    reason that holds; an empty key is always missing_key), duplicate (a version of the same
    record that a newer one supersedes), or accepted. reasons maps a typed reason to the
    condition that shows it. What arrived after known_at never supersedes what was known then.
#}
{%- macro judged_rows(relation, reasons={}, newest_by=none, same_as=['source_id']) %}
, reasoned as (

    select
        {{ relation }}.*,
        case
            when source_id is null then 'missing_key'
            {%- for reason, condition in reasons.items() %}
            when {{ condition }} then '{{ reason }}'
            {%- endfor %}
        end as quarantine_reason
    from {{ relation }}

)

select
    reasoned.*,
    case
        when quarantine_reason is not null then 'quarantined'
        when row_number() over (
            partition by {{ same_as | join(', ') }}, case when quarantine_reason is null then 1 else 0 end
            order by
                case when loaded_at <= {{ known_at() }} then 0 else 1 end,
                {% if newest_by %}{{ newest_by }} desc nulls last,{% endif %}
                loaded_at desc,
                {{ byte_order('_file') }} desc,
                _row desc
        ) > 1 then 'duplicate'
        else 'accepted'
    end as row_status
from reasoned
{%- endmacro %}
