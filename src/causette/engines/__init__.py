"""Engines: prompts in; tokens, vectors and measured compute out. They know no user and no price."""
