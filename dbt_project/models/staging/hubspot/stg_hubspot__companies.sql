{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'company') }}

),

renamed as (

    select
        {{ row_origin('hubspot', 'company', ['id'], '_fivetran_synced', 'is_deleted') }},
        ----------  ids
        'hubspot-' || id as account_id,
        cast(null as {{ dbt.type_string() }}) as owner_id,

        ----------  strings
        nullif(trim(property_name), '') as account_name,
        {{ domain_of('property_domain') }} as domain,
        nullif(trim(property_industry), '') as industry,
        nullif(trim(property_city), '') as city,
        coalesce(
            {{ normalise_country('property_country') }}, nullif(trim(property_country), '')
        ) as country,

        ----------  numbers
        {{ try_integer('property_numberofemployees') }} as employee_count,
        {{ try_number('property_annualrevenue') }} as annual_revenue,

        ----------  times
        {{ try_timestamp('property_createdate') }} as created_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'created_at is null'}) }}
