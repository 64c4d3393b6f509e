"""The console: what who runs the house sees and does, and what everybody sees of their own usage."""

from causette.console.service import Console

__all__ = ["Console"]
