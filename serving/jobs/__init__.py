"""Durable jobs: a queue with leases and fencing, and the workers that run what is in it."""
