"""The scoring stage: bundles in service and the networks that read texts."""
