"""The ledger: what each channel is known to hold, what was sent, and by which run."""
