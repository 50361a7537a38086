"""Data sets: manifests, readers, and figures with intervals."""
