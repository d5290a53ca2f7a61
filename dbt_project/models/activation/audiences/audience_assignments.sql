{#
    Who takes part in which experiment, and on which side. Whoever leaves the segment stays
    assigned: what they did afterwards is the experiment's result.
#}
{{ experiment_assignments(ref('membership_history')) }}
