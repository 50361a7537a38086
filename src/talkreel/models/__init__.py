"""Neural models that the pipeline runs."""
