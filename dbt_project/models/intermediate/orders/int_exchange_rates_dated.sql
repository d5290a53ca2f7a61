{# What one unit of a currency is worth in the reporting currency, and from when until when. #}
with

rates as (

    select
        currency_code,
        cast(valid_from as {{ dbt.type_timestamp() }}) as valid_from,
        cast(eur_rate as numeric(18, 8)) as eur_rate
    from {{ ref('exchange_rates') }}

),

bounded as (

    select
        *,
        coalesce(
            lead(valid_from) over (partition by currency_code order by valid_from),
            cast('9999-12-31' as {{ dbt.type_timestamp() }})
        ) as valid_until
    from rates

),

reporting as (

    select * from bounded
    where currency_code = '{{ var("reporting_currency") }}'

)

select
    bounded.currency_code,
    greatest(bounded.valid_from, reporting.valid_from) as valid_from,
    least(bounded.valid_until, reporting.valid_until) as valid_until,
    cast(bounded.eur_rate / reporting.eur_rate as numeric(18, 8)) as reporting_rate
from bounded
inner join reporting
    on bounded.valid_from < reporting.valid_until
    and bounded.valid_until > reporting.valid_from
