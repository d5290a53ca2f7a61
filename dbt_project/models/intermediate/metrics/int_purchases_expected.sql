{#
    How many purchases somebody makes within the horizon who is still a customer: BG/NBD's
    conditional expectation given to be alive (Fader, Hardie and Lee 2005, equation 10, without its
    denominator), once for each history that occurs: repeat purchases and age in weeks.

    Its Gaussian hypergeometric function is summed after Euler's transformation,
    2F1(r+x, b+x; c; z) = (1-z)^(a-1-r-x) 2F1(a+b-1-r, a-1; c; z) with c = a+b+x-1, whose terms stay
    small: with z = t/(alpha+T+t) the first 400 leave less than 1e-9 where z < 0.95.
#}
-- noqa: disable=layout.indent
{% set horizon = var('lifetime_horizon_weeks') -%}

with

parameters as (

    select * from {{ ref('int_lifetime_parameters') }}

),

histories as (

    select distinct
        repeat_count,
        age_weeks
    from {{ ref('int_purchases_counted') }}
    where repeat_count is not null

),

numbers as (

    {{ numbers(3) }}

),

counts as (

    select distinct repeat_count
    from histories

),

-- The ratio of the series' term number + 1 to term number, without z.
ratios as (

    select
        counts.repeat_count,
        numbers.number,
        (parameters.a + parameters.b - 1 - parameters.r + numbers.number)
        * (parameters.a - 1 + numbers.number)
        / (
            (parameters.a + parameters.b + counts.repeat_count - 1 + numbers.number)
            * (1 + numbers.number)
        ) as ratio
    from counts
    cross join numbers
    cross join parameters
    where numbers.number < 400

),

coefficients as (

    select
        repeat_count,
        number + 1 as term,
        exp(sum(ln(nullif(abs(ratio), 0))) over (
            partition by repeat_count order by number
            rows between unbounded preceding and current row
        ))
        * case
            when mod(sum(case when ratio < 0 then 1 else 0 end) over (
                partition by repeat_count order by number
                rows between unbounded preceding and current row
            ), 2) = 1 then -1
            else 1
        end as coefficient
    from ratios

),

arguments as (

    select
        histories.*,
        parameters.a,
        parameters.b,
        {{ horizon }} / (parameters.alpha + histories.age_weeks + {{ horizon }}) as z
    from histories
    cross join parameters

),

-- Powers below e^-600 are nothing, and some engines refuse to compute them.
summed as (

    select
        arguments.repeat_count,
        arguments.age_weeks,
        arguments.a,
        arguments.b,
        arguments.z,
        1 + sum(
            coefficients.coefficient
            * exp(greatest(coefficients.term * ln(arguments.z), cast(-600 as {{ type_double() }})))
        ) as series
    from arguments
    inner join coefficients on arguments.repeat_count = coefficients.repeat_count
    group by 1, 2, 3, 4, 5

)

select
    repeat_count,
    age_weeks,
    (a + b + repeat_count - 1) / (a - 1) * (1 - exp((a - 1) * ln(1 - z)) * series)
        as purchases_if_alive
from summed
