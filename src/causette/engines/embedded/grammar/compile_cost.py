"""What a grammar costs the compiler, before it is given to it.

The compiler tries the whole vocabulary at each character position. That takes longer the more tokens can begin there:
milliseconds of processor time, measured with a vocabulary of 49,152 tokens on a Sapphire Rapids core.
"""

from collections.abc import Iterable
from typing import Final

from causette.engines.embedded.grammar.charsets import CharSet, chars, common
from causette.engines.embedded.grammar.expressions import Choice, Expression, Literal, OneOf, Rule, Sequence

#: More than this is refused. On two free cores it takes about half as long, for every request at once.
MAX_MILLISECONDS: Final = 400.0

_A_POSITION: Final = 0.03
_A_LITERAL_BYTE: Final = 0.006
# Alternatives are made into one automaton.
_A_LITERAL_BYTE_OF_A_CHOICE: Final = 0.012
_AN_OPTION: Final = 0.15
_FEW_OPTIONS: Final = 16
_A_LOOP: Final = 1.0
# Where all of these can stand. Words with a space before them are half of a vocabulary.
_FULL: Final[tuple[tuple[CharSet, float], ...]] = (
    (chars(" "), 3.5),
    (((ord("a"), ord("z")),), 1.8),
    (((ord("A"), ord("Z")),), 0.6),
    (((0x21, 0x40), (0x5B, 0x60), (0x7B, 0x7E)), 1.5),
    (((0x80, 0x10FFFF),), 1.0),
)


def milliseconds(bodies: Iterable[Expression]) -> float:
    """An upper estimate for rules with these ``bodies``."""
    known: dict[CharSet, float] = {}
    return sum(_cost(body, known) for body in bodies)


def _cost(expression: Expression, known: dict[CharSet, float]) -> float:
    match expression:
        case Literal(text):
            return len(text.encode()) * _A_LITERAL_BYTE
        case OneOf(charset, star):
            if charset not in known:
                known[charset] = sum(weight * _share(charset, of) for of, weight in _FULL)
            return _A_POSITION + min(known[charset], _A_LOOP if star else known[charset])
        case Sequence(parts):
            return sum(_cost(part, known) for part in parts)
        case Choice(options):
            written = sum(_cost_of_option(option, known) for option in options)
            return written + _AN_OPTION * max(0, len(options) - _FEW_OPTIONS)
        case Rule():
            return 0.0


def _cost_of_option(option: Expression, known: dict[CharSet, float]) -> float:
    if isinstance(option, Literal):
        return len(option.text.encode()) * _A_LITERAL_BYTE_OF_A_CHOICE
    return _cost(option, known)


def _share(charset: CharSet, of: CharSet) -> float:
    return _count(common(charset, of)) / _count(of)


def _count(charset: CharSet) -> int:
    return sum(high - low + 1 for low, high in charset)
