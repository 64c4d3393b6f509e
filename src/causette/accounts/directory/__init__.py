"""Who is who among people, workspaces and keys: for who runs the house."""
