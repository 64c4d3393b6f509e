"""Causette: the whole of a ChatGPT that its owner runs."""

__version__ = "0.1.0"
