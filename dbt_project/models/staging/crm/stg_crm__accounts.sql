{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'account') }}

),

renamed as (

    select
        {{ row_origin('crm', 'account', [salesforce_id('id')], '_fivetran_synced', 'is_deleted') }},
        'crm-' || {{ salesforce_id('id') }} as account_id,
        'crm-' || {{ salesforce_id('owner_id') }} as owner_id,
        nullif(trim(name), '') as account_name,
        {{ domain_of('website') }} as domain,
        nullif(trim(industry), '') as industry,
        nullif(trim(billing_city), '') as city,
        coalesce(
            {{ normalise_country('billing_country') }}, nullif(trim(billing_country), '')
        ) as country,
        {{ try_integer('number_of_employees') }} as employee_count,
        {{ try_number('annual_revenue') }} as annual_revenue,
        {{ try_timestamp('created_date') }} as created_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}) }}
