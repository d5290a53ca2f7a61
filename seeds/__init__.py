"""Synthetic source extracts with known truth, and the reference tables of the project."""
