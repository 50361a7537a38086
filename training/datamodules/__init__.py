"""LightningDataModules, one per task."""
