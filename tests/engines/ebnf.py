"""A reader of the grammar compiler's EBNF dialect: draws texts that a grammar allows, and says whether it allows one.

It is strict about form and knows nothing of how the grammars are made, so that it can judge them.
"""

import random
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<set>\[(?:[^\]\\\n]|\\.)+\])|(?P<name>[a-z][a-z0-9]*)|(?P<sign>[|()*])'
)
_CHARACTER = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\([\"\\])|([^\\])")


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Set:
    ranges: tuple[tuple[int, int], ...]
    star: bool


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Row:
    parts: tuple[object, ...]


@dataclass(frozen=True)
class Either:
    options: tuple[object, ...]


class Ebnf:
    """A grammar's text, read. Raises AssertionError where it is not well formed."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, object] = {}
        for line in text.splitlines():
            name, assigned, body = line.partition(" ::= ")
            assert assigned and re.fullmatch("[a-z][a-z0-9]*", name), line
            assert name not in self.rules, f"{name} twice"
            self._tokens = self._split(body)
            self.rules[name] = self._either()
            assert not self._tokens, line
        assert next(iter(self.rules)) == "root"
        for body in list(self.rules.values()):
            for name in _names(body):
                assert name in self.rules, f"{name} is nowhere"
        self._least = self._least_lengths()
        assert self._least.keys() == self.rules.keys(), "some rule can never end"

    def draw(self, rng: random.Random, room: int = 60) -> str:
        """A text that the grammar allows: random at first, and as short as can be once ``room`` is used up."""
        out: list[str] = []
        work: list[object] = [Name("root")]
        while work:
            room -= 1
            match work.pop():
                case Text(text):
                    out.append(text)
                case Set() as charset:
                    count = rng.choice([0, 1, 2, 5]) if charset.star and room > 0 else int(not charset.star)
                    out += [_draw(charset, rng) for _ in range(count)]
                case Name(name):
                    work.append(self.rules[name])
                case Row(parts):
                    work += reversed(parts)
                case Either(options):
                    least = [self._length(option, self._least) or 0 for option in options]
                    short = [
                        option for option, size in zip(options, least, strict=True) if size == min(least)
                    ]
                    work.append(rng.choice(list(options) if room > 0 else short))
        return "".join(out)

    def allows(self, text: str) -> bool:
        """Whether the grammar allows exactly ``text``."""
        stack: list[tuple[tuple[object, ...], int]] = [((Name("root"),), 0)]
        seen = set(stack)
        while stack:
            rest, at = stack.pop()
            if not rest:
                if at == len(text):
                    return True
                continue
            for following in self._step(rest[0], rest[1:], text, at):
                if following not in seen:
                    seen.add(following)
                    stack.append(following)
        return False

    def _step(self, first: object, rest: tuple[object, ...], text: str, at: int):
        match first:
            case Text(literal):
                if text.startswith(literal, at):
                    yield rest, at + len(literal)
            case Set(ranges, star):
                if star:
                    yield rest, at
                if at < len(text) and any(low <= ord(text[at]) <= high for low, high in ranges):
                    yield ((first, *rest) if star else rest), at + 1
            case Name(name):
                yield (self.rules[name], *rest), at
            case Row(parts):
                yield (*parts, *rest), at
            case Either(options):
                for option in options:
                    yield (option, *rest), at

    @staticmethod
    def _split(body: str) -> list[str]:
        tokens, at = [], 0
        while at < len(body):
            if body[at] == " ":
                at += 1
                continue
            found = _TOKEN.match(body, at)
            assert found, body[at : at + 40]
            tokens.append(found[0])
            at = found.end()
        return tokens[::-1]

    def _either(self) -> object:
        options = [self._row()]
        while self._tokens and self._tokens[-1] == "|":
            self._tokens.pop()
            options.append(self._row())
        return Either(tuple(options)) if len(options) > 1 else options[0]

    def _row(self) -> object:
        parts: list[object] = []
        while self._tokens and self._tokens[-1] not in {"|", ")"}:
            token = self._tokens.pop()
            if token == "(":
                parts.append(self._either())
                assert self._tokens.pop() == ")"
            elif token[0] == '"':
                parts.append(Text("".join(_characters(token[1:-1]))))
            elif token[0] == "[":
                star = bool(self._tokens) and self._tokens[-1] == "*"
                if star:
                    self._tokens.pop()
                parts.append(Set(_ranges(token[1:-1]), star))
            else:
                assert token[0].isalpha(), token
                parts.append(Name(token))
        assert parts, "an empty alternative"
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _least_lengths(self) -> dict[str, int]:
        least: dict[str, int] = {}
        changed = True
        while changed:
            changed = False
            for name, body in self.rules.items():
                size = self._length(body, least)
                if size is not None and size < least.get(name, 1 << 30):
                    least[name] = size
                    changed = True
        return least

    def _length(self, body: object, least: dict[str, int]) -> int | None:
        match body:
            case Text(text):
                return len(text)
            case Set(_, star):
                return int(not star)
            case Name(name):
                return least.get(name)
            case Row(parts):
                sizes = [self._length(part, least) for part in parts]
                return None if None in sizes else sum(size for size in sizes if size)
            case Either(options):
                known = [size for option in options if (size := self._length(option, least)) is not None]
                return min(known, default=None)
        raise AssertionError(body)


def _names(body: object) -> list[str]:
    match body:
        case Name(name):
            return [name]
        case Row(parts) | Either(parts):
            return [name for part in parts for name in _names(part)]
    return []


def _characters(written: str) -> list[str]:
    found, at = [], 0
    while at < len(written):
        char = _CHARACTER.match(written, at)
        assert char, written
        code = char[1] or char[2]
        found.append(chr(int(code, 16)) if code else char[3] or char[4])
        at = char.end()
    return found


def _ranges(written: str) -> tuple[tuple[int, int], ...]:
    # Only escaped characters and letters and digits stand in sets, so that a bare - is always a range.
    ranges: list[tuple[int, int]] = []
    for low, _, high in re.findall(
        r"(\\U.{8}|\\u.{4}|[A-Za-z0-9])(-(\\U.{8}|\\u.{4}|[A-Za-z0-9]))?", written
    ):
        (first,), (last,) = _characters(low), _characters(high or low)
        assert first <= last, written
        ranges.append((ord(first), ord(last)))
    return tuple(ranges)


def _draw(charset: Set, rng: random.Random) -> str:
    low, high = rng.choice(charset.ranges)
    return chr(rng.randint(low, high))
