"""What every HTTP surface shares: errors, guards, server-sent events, the built web app."""
