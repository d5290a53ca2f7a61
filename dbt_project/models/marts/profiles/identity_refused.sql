select
    identifier_type,
    {{ sha256_of('identifier_value') }} as identifier_value_hash,
    refusal_reason as reason,
    cast(count(*) as {{ dbt.type_bigint() }}) as record_count,
    cast(count(distinct source_name) as {{ dbt.type_bigint() }}) as source_count,
    min(observed_at) as first_seen_at,
    max(last_observed_at) as last_seen_at
from {{ ref('int_identity_edges') }}
where refusal_reason is not null
group by 1, 2, 3
