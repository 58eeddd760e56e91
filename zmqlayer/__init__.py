"""A brokerless, zero-configuration channel layer and mesh over ZeroMQ."""
