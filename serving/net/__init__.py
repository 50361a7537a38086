"""Reaching other hosts safely: imports by URL and webhooks."""
