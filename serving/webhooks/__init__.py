"""Webhooks: endpoints, what waits to be sent, signatures, sending (Standard Webhooks 1.0)."""
