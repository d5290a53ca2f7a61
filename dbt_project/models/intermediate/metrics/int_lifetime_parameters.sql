{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{#
    The parameters by which purchases are predicted: of the fits made as of this instant or an
    earlier one, the latest. Fits are kept in ops.lifetime_fits by `seamline fit`; before the first
    one the reference table lifetime_parameters is all there is.
#}
{% set columns = [
    'customer_count', 'repeat_customer_count', 'r', 'alpha', 'a', 'b', 'p', 'q', 'v'
] -%}
{%- set fits = adapter.get_relation(target.database, 'ops', 'lifetime_fits') if execute -%}

with

fits as (

    select
        fitted_at,
        {{ columns | join(',\n        ') }}
    from {{ ref('lifetime_parameters') }}
    {%- if fits %}

    union all

    select
        fitted_at,
        {{ columns | join(',\n        ') }}
    from {{ fits }}
    {%- endif %}

),

ranked as (

    select
        *,
        row_number() over (order by fitted_at desc, customer_count desc) as position
    from fits
    where fitted_at <= {{ as_of() }}

)

select *
from ranked
where position = 1
