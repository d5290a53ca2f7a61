{# Whom two segments share today: each pair once, in byte order. #}
with

members as (

    select * from {{ ref('audience_memberships') }}

),

sizes as (

    select
        audience_id,
        count(*) as member_count
    from members
    group by 1

),

in_both as (

    select
        members.audience_id,
        other_members.audience_id as other_audience_id,
        count(*) as shared_count
    from members
    inner join members as other_members
        on members.person_id = other_members.person_id
        and {{ byte_order('members.audience_id') }} < {{ byte_order('other_members.audience_id') }}
    group by 1, 2

)

select
    in_both.audience_id,
    in_both.other_audience_id,
    cast(in_both.shared_count as {{ dbt.type_bigint() }}) as shared_count,
    {{ divide(
        'in_both.shared_count',
        'sizes.member_count + other_sizes.member_count - in_both.shared_count'
    ) }} as jaccard_index
from in_both
inner join sizes on in_both.audience_id = sizes.audience_id
inner join sizes as other_sizes on in_both.other_audience_id = other_sizes.audience_id
