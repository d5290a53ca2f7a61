"""Seamline's reverse-ETL engine: plan in the warehouse, guard, spool, send, journal, commit."""
