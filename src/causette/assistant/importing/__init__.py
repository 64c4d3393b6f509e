"""Bringing conversations along from elsewhere: ChatGPT's, Claude's and Open WebUI's exports, and Causette's own."""
