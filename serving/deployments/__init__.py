"""Ray Serve deployments around the stages of the service."""
