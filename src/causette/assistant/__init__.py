"""The assistant: conversations as trees, replies as durable records. It never calls an engine itself."""
