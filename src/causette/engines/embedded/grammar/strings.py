"""JSON strings: what a node's lengths, patterns and format leave, as an automaton or as rules."""

from functools import reduce
from typing import Final

from causette.engines.embedded.grammar.automata import Automaton, TooManyStates, both, lengths
from causette.engines.embedded.grammar.charsets import ALPHABET, ESCAPES, PLAIN, chars
from causette.engines.embedded.grammar.expressions import (
    Expression,
    Grammar,
    Literal,
    OneOf,
    Rule,
    choice,
    sequence,
)
from causette.engines.embedded.grammar.formats import format_automaton
from causette.engines.embedded.grammar.nodes import Node
from causette.engines.embedded.grammar.patterns import pattern_automaton

# Characters of long strings are counted in blocks of this many. All bounded strings share the block's rules, whose
# states are the dearest to compile (8 ms each); tokens that reach over a block's end cost time at every step. Measured:
# 8, 12, 16, 24 characters take 110, 170, 250, 400 ms to compile and 19, 13, 10, 5 ms a step.
_BLOCK: Final = 12
_ESCAPED: Final = sequence(Literal("\\"), OneOf(chars("".join(ESCAPES.values()))))
_QUOTE: Final = Literal('"')


def string(grammar: Grammar, node: Node) -> Expression:
    """The JSON strings that ``node`` allows.

    Raises:
        InvalidRequest: there are none, or it takes too large an automaton to tell.
    """
    if not node.patterns and not node.formats:
        return sequence(_QUOTE, _counted(grammar, node.least, node.most))
    try:
        language = language_of(node)
    except TooManyStates:
        raise node.place.refuse(
            "pattern, format and lengths together need too large an automaton; use fewer or smaller counts"
        ) from None
    if language.empty:
        raise node.place.impossible("no string fulfils pattern, format and lengths together")
    return sequence(_QUOTE, grammar.automaton(language, quoted=True))


def language_of(node: Node) -> Automaton:
    """The strings that ``node`` allows, unescaped.

    Raises:
        TooManyStates: that would be too large.
    """
    languages = [pattern_automaton(pattern) for pattern in node.patterns]
    languages += [named for name in node.formats if (named := format_automaton(name)) is not None]
    if node.least or node.most is not None or not languages:
        languages.append(lengths(ALPHABET, node.least, node.most))
    return reduce(both, languages)


def _counted(grammar: Grammar, least: int, most: int | None) -> Expression:
    """``least`` to ``most`` characters and the closing quote."""
    blocks, rest = divmod(least, _BLOCK)
    needed = [_exactly(grammar, _BLOCK)] * blocks if blocks else []
    if rest:
        needed.append(_exactly(grammar, rest))
    if most is None:
        return sequence(*needed, grammar.automaton(lengths(ALPHABET, 0, None), quoted=True))
    blocks, rest = divmod(most - least, _BLOCK)
    remaining = _at_most(grammar, rest)
    if blocks:
        less, block = _at_most(grammar, _BLOCK - 1), _exactly(grammar, _BLOCK)
        for _ in range(blocks):
            remaining = grammar.rule(choice([less, sequence(block, remaining)]))
    return sequence(*needed, remaining)


def _exactly(grammar: Grammar, count: int) -> Rule:
    rule = grammar.rule(choice([OneOf(PLAIN), _ESCAPED]))
    for _ in range(count - 1):
        rule = grammar.rule(choice([sequence(OneOf(PLAIN), rule), sequence(_ESCAPED, rule)]))
    return rule


def _at_most(grammar: Grammar, count: int) -> Rule:
    rule = grammar.rule(_QUOTE)
    for _ in range(count):
        rule = grammar.rule(choice([_QUOTE, sequence(OneOf(PLAIN), rule), sequence(_ESCAPED, rule)]))
    return rule
