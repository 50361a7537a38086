"""The clip-generation service: an HTTP API, durable jobs, and Ray Serve deployments."""
