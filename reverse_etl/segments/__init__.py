"""Segments as a marketer asks about them: who is in, why, and what a change would do."""
