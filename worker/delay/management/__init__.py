"""Management commands of the delay server."""
