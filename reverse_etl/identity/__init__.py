"""Who is who: scores pairs of records for the graph of people, and explains what the graph says."""
