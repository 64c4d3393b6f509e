"""ECMAScript regular expressions, as far as automata go, read into nodes.

A pattern is read so that what is generated matches by ECMA-262 and by Python's ``re`` alike: where the two differ
(``\\w`` beyond ASCII, say), only what both accept is generated.
"""

import string
from dataclasses import dataclass
from typing import Final

from causette.engines.embedded.grammar.charsets import (
    DIGITS,
    CharSet,
    chars,
    complement,
    union,
)

_MAX_DEPTH: Final = 40

_WORD: Final = chars(string.ascii_letters + string.digits + "_")
_SPACE: Final = chars("\t\n\v\f\r ")
_NOT_ASCII: Final = ((0x80, 0x10FFFF),)
# Shorthand classes: what is surely inside, and what may be inside by one dialect or another.
_CLASSES: Final[dict[str, tuple[CharSet, CharSet]]] = {
    "d": (DIGITS, union((*DIGITS, *_NOT_ASCII))),
    "w": (_WORD, union((*_WORD, *_NOT_ASCII))),
    "s": (
        _SPACE,
        union(
            (
                *_SPACE,
                (0x1C, 0x1F),
                *chars("\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"),
                (0x2000, 0x200A),
            )
        ),
    ),
}
_ANY_BUT_NEWLINE: Final = complement(chars("\n\r\u2028\u2029"))
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "0": "\0"}


class BadPattern(Exception):
    """The pattern is malformed, or uses what an automaton cannot do; the text says which."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    charset: CharSet


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    options: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Repeat:
    """``least`` to ``most`` times in a row; None: any number of times."""

    body: "Node"
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The text's beginning or its end."""

    sign: str


Node = Chars | Sequence | Choice | Repeat | Anchor


def parse(pattern: str) -> Node:
    """What ``pattern`` says.

    Raises:
        BadPattern: it is malformed, or beyond automata.
    """
    return _Parser(pattern).parse()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._choice()
        if self._at < len(self._text):
            raise BadPattern("has a ) without a (")
        return node

    def _peek(self, count: int = 1) -> str:
        return self._text[self._at : self._at + count]

    def _take(self, expected: str) -> bool:
        if self._text.startswith(expected, self._at):
            self._at += len(expected)
            return True
        return False

    def _next(self, why: str) -> str:
        char = self._peek()
        if not char:
            raise BadPattern(why)
        self._at += 1
        return char

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise BadPattern(f"nests groups deeper than {_MAX_DEPTH}")
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        self._depth -= 1
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._quantified(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Node:
        char = self._next("ends early")
        if char in "^$":
            return Anchor(char)
        if char == "(":
            return self._group()
        if char == "[":
            return Chars(self._class())
        if char == ".":
            return Chars(_ANY_BUT_NEWLINE)
        if char == "\\":
            surely, _ = self._escape(in_class=False)
            return Chars(surely)
        if char in "*+?{":
            raise BadPattern(f"has a {char} with nothing before it to repeat")
        return Chars(chars(char))

    def _group(self) -> Node:
        if self._take("?") and not self._take(":"):
            if not (self._peek() == "<" and self._peek(2) not in {"<=", "<!"}):
                raise BadPattern(f"uses (?{self._peek(2)}…), which an automaton cannot do")
            while self._next("has a group without its )") != ">":
                pass
        node = self._choice()
        if not self._take(")"):
            raise BadPattern("has a group without its )")
        return node

    def _quantified(self, node: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return node
        if isinstance(node, Anchor):
            raise BadPattern(f"repeats the anchor {node.sign}")
        self._take("?")  # what a lazy quantifier accepts is the same
        if self._peek() in {"*", "+", "?", "{"}:
            raise BadPattern(f"has a {self._peek()} after another quantifier")
        return Repeat(node, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return None
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at : max(end, self._at)].partition(",")
        if end < 0 or not _is_count(least) or (most and not _is_count(most)):
            raise BadPattern("has a { that begins no repetition; write \\{ for the character")
        self._at = end + 1
        low = int(least)
        high = int(most) if most else None if comma else low
        if high is not None and high < low:
            raise BadPattern(f"repeats at least {low} and at most {high} times")
        return low, high

    def _class(self) -> CharSet:
        negated = self._take("^")
        surely: list[tuple[int, int]] = []
        maybe: list[tuple[int, int]] = []
        while not self._take("]"):
            inside, perhaps = self._class_item()
            if self._peek() == "-" and self._peek(2) not in {"-]", "-"}:
                self._at += 1
                last, _ = self._class_item()
                if (
                    len(inside) != 1
                    or len(last) != 1
                    or inside[0][0] != inside[0][1]
                    or last[0][0] != last[0][1]
                ):
                    raise BadPattern("has a range of characters with a class at its end")
                if inside[0][0] > last[0][0]:
                    raise BadPattern("has a range of characters that runs backwards")
                inside = perhaps = ((inside[0][0], last[0][0]),)
            surely += inside
            maybe += perhaps
        charset = complement(union(maybe)) if negated else union(surely)
        if not charset:
            raise BadPattern("has an empty class of characters")
        return charset

    def _class_item(self) -> tuple[CharSet, CharSet]:
        char = self._next("has a class without its ]")
        if char == "\\":
            return self._escape(in_class=True)
        return chars(char), chars(char)

    def _escape(self, *, in_class: bool) -> tuple[CharSet, CharSet]:
        char = self._next("ends with a single backslash")
        if char in _CLASSES:
            return _CLASSES[char]
        if char.lower() in _CLASSES:
            surely, maybe = _CLASSES[char.lower()]
            return complement(maybe), complement(surely)
        if char == "b" and in_class:
            return chars("\b"), chars("\b")
        if char in _CONTROLS:
            if char == "0" and _is_count(self._peek()):
                raise BadPattern("uses an octal escape")
            code = chars(_CONTROLS[char])
        elif char in "xu":
            code = chars(chr(self._code_point(char)))
        elif char.isalnum():
            raise BadPattern(f"uses \\{char}, which an automaton cannot do")
        else:
            code = chars(char)
        return code, code

    def _code_point(self, kind: str) -> int:
        if kind == "u" and self._take("{"):
            end = self._text.find("}", self._at)
            digits = self._text[self._at : max(end, self._at)]
            self._at = end + 1
        else:
            digits = self._peek(2 if kind == "x" else 4)
            self._at += len(digits)
            if len(digits) < (2 if kind == "x" else 4):
                digits = ""
        if (
            not digits
            or len(digits) > 6
            or not set(digits) <= set(string.hexdigits)
            or int(digits, 16) > 0x10FFFF
        ):
            raise BadPattern(f"has a \\{kind} without its hexadecimal digits")
        return int(digits, 16)


def _is_count(digits: str) -> bool:
    return 0 < len(digits) <= 6 and digits.isascii() and digits.isdigit()
