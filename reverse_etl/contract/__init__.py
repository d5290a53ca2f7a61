"""The contract with the project: the manifest, its syncs, their purposes, the dbt profile."""
