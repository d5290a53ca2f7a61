"""Benchmarks: each prints its ratio against a named comparator, in one run."""
