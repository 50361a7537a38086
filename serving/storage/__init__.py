"""What is kept: tables, the event log, objects, uploads."""
