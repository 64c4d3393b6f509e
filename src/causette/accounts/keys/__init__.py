"""API keys: making, changing and revoking them, and who holds one."""
