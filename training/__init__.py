"""Training, tuning and releasing of the models. Run from the repository root."""
