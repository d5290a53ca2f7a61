with

landed as (

    select * from {{ source('raw_people', 'records') }}

),

renamed as (

    select
        {{ row_origin('people', 'records', ['record_id'], none) }},
        record_id,
        nullif(lower(trim(first_name)), '') as first_name,
        nullif(lower(trim(last_name)), '') as last_name,
        nullif(trim(birth_date), '') as birth_date,
        nullif(trim(national_id), '') as national_id,
        nullif(lower(trim(email)), '') as email,
        nullif(trim(house_number), '') as house_number,
        nullif(lower(trim(street)), '') as street,
        nullif(lower(trim(address_line)), '') as address_line,
        nullif(trim(postcode), '') as postcode,
        nullif(lower(trim(city)), '') as city,
        cast(null as timestamp) as observed_at
    from landed

),

-- A postcode that a whole town shares says no more than the town.
told as (

    select
        *,
        case when count(*) over (partition by postcode) <= 100 then postcode end as rare_postcode,
        least(first_name, last_name) || '/' || greatest(first_name, last_name) as names
    from renamed

),

keyed as (

    select
        *,
        names || '/' || birth_date as name_birth_date,
        birth_date || '/' || street as birth_date_street,
        birth_date || '/' || house_number || '/' || rare_postcode as birth_date_house,
        first_name || '/' || birth_date || '/' || rare_postcode as first_name_birth_date_postcode,
        last_name || '/' || birth_date || '/' || rare_postcode as last_name_birth_date_postcode,
        first_name || '/' || street || '/' || rare_postcode as first_name_address,
        last_name || '/' || street || '/' || rare_postcode as last_name_address
    from told

)

{{ judged_rows('keyed', {'missing_key': 'record_id is null'}) }}
