"""Delivery: a spool goes over the wire, and every record ends with a verdict in the journal."""
