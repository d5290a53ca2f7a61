{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'task') }}

),

renamed as (

    select
        {{ row_origin('crm', 'task', [salesforce_id('id')], '_fivetran_synced', 'is_deleted') }},
        'crm-' || {{ salesforce_id('id') }} as task_id,
        'crm-' || {{ salesforce_id('who_id') }} as contact_id,
        -- what_id may also name an account or a case: only ids that start with 006 are deals.
        case when what_id like '006%' then 'crm-' || {{ salesforce_id('what_id') }} end as deal_id,
        'crm-' || {{ salesforce_id('owner_id') }} as owner_id,
        nullif(trim(subject), '') as subject,
        {{ ascii_lower(
            "coalesce(nullif(trim(task_subtype), ''), nullif(trim(type), ''))"
        ) }} as task_type,
        nullif(trim(status), '') as status,
        nullif(trim(priority), '') as priority,
        coalesce({{ try_boolean('is_closed') }}, false) as is_completed,
        {{ try_timestamp('created_date') }} as created_at,
        -- Due is a day without a time: the task is late once that day is over.
        {{ add_seconds(
            'cast(' ~ try_date('activity_date') ~ ' as ' ~ dbt.type_timestamp() ~ ')', 86399
        ) }} as due_at,
        {{ try_timestamp('completed_date_time') }} as completed_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}) }}
