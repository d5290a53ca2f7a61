"""Runs Seamline on time and shows it: lands, builds, tests and syncs, as one Dagster graph."""
