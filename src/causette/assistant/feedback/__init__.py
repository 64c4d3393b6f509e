"""Feedback: what people think of replies, and whether models may learn from it."""
