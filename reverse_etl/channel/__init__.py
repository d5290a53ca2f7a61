"""A channel: what its destination must provide, where it is, and the credentials it takes."""
