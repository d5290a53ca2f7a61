"""A stand-in for the channels on loopback: what a marketer would see, and faults on demand."""

from reverse_etl.sandbox.server import Sandbox, running_sandbox, serve

__all__ = ["Sandbox", "running_sandbox", "serve"]
