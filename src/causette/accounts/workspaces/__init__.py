"""Workspaces: people who share keys, limits and a bill."""
