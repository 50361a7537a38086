"""Candidate to edit: boundaries, tightening, reframing, captions."""
