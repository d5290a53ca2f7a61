"""The warehouse: one session of it, on each engine, and who may have it when."""
