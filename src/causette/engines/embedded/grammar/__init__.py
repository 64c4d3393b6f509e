"""JSON Schema made into grammars that the runtime compiles quickly and follows exactly."""

from causette.engines.embedded.grammar.json_grammar import json_grammar

__all__ = ["json_grammar"]
