"""Projects: conversations that belong together, under instructions of their own."""
