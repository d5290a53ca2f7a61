{#
    Who takes part in which experiment, and on which side. Whoever leaves the segment stays assigned:
    what they did afterwards is the experiment's result.
#}
with

history as (

    select * from {{ ref('membership_history') }}

)

{{ experiment_assignments() }}
