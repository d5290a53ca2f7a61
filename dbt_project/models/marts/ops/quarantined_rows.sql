{# Rebuilt from what landed, so that a row comes back by itself when its rule is mended. #}
with

judged as (

    {%- for source_name, table in raw_shaped_tables() %}
        select
            source_name,
            source_table,
            source_id,
            quarantine_reason,
            _file as file_name,
            _row as row_number,
            loaded_at
        from {{ ref('stg_' ~ source_name ~ '__' ~ table) }}
        where row_status = 'quarantined'
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}

)

select
    source_name,
    source_table,
    source_id,
    quarantine_reason,
    file_name,
    row_number,
    loaded_at
from judged
