"""The OpenAI-compatible surface: thin translations to the rooms beneath."""
