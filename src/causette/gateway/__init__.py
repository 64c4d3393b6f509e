"""The gateway: the only way to an engine."""
