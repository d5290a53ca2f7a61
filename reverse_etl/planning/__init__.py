"""Planning: what should be at a channel, what is, the difference, and whether it may go."""
