"""Patterns made into automata: Thompson's construction, then the subset construction."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from causette.engines.embedded.grammar.automata import Automaton, TooManyStates, explore
from causette.engines.embedded.grammar.charsets import ALPHABET, CharSet, atoms, common, union
from causette.engines.embedded.grammar.regex import (
    Anchor,
    BadPattern,
    Chars,
    Choice,
    Node,
    Repeat,
    Sequence,
    parse,
)

#: Nodes of a pattern with its bounded repetitions written out.
MAX_NODES: Final = 3000
# Characters times edges looked at while a pattern is determined; a second's worth.
_MAX_WORK: Final = 1_000_000
_ANYTHING: Final = Repeat(Chars(ALPHABET), 0, None)


@lru_cache(maxsize=128)
def pattern_automaton(pattern: str) -> Automaton:
    """Accepts the whole strings in which ``pattern`` is found somewhere, as JSON Schema means it.

    Raises:
        BadPattern: it cannot be followed.
        TooManyStates: it is too large.
    """
    node = _whole(parse(pattern))
    if _size(node) > MAX_NODES:
        raise BadPattern(f"has more than {MAX_NODES} parts when its repetitions are written out")
    return _determined(_Fragments(node))


def full_automaton(pattern: str) -> Automaton:
    """Accepts the strings that ``pattern`` matches from end to end. For our own patterns."""
    return pattern_automaton(f"^(?:{pattern})$")


def _whole(node: Node) -> Node:
    """``node`` with what may stand around it, and without its anchors."""
    options = node.options if isinstance(node, Choice) else (node,)
    whole: list[Node] = []
    for option in options:
        parts = option.parts if isinstance(option, Sequence) else (option,)
        if len(parts) == 1 and isinstance(parts[0], Choice):
            whole.append(_whole(parts[0]))
            continue
        begins, ends = parts[:1] == (Anchor("^"),), parts[-1:] == (Anchor("$"),)
        inner = parts[begins : len(parts) - ends]
        if any(_anchored(part) for part in inner):
            raise BadPattern("has an anchor that is not at its end")
        whole.append(Sequence((*(() if begins else (_ANYTHING,)), *inner, *(() if ends else (_ANYTHING,)))))
    return Choice(tuple(whole))


def _anchored(node: Node) -> bool:
    match node:
        case Anchor():
            return True
        case Sequence(parts) | Choice(parts):
            return any(_anchored(part) for part in parts)
        case Repeat(body):
            return _anchored(body)
        case Chars():
            return False


def _size(node: Node) -> int:
    match node:
        case Sequence(parts) | Choice(parts):
            return 1 + sum(_size(part) for part in parts)
        case Repeat(body, least, most):
            return 1 + _size(body) * max(1, least, most or 0)
        case _:
            return 1


class _Fragments:
    """Thompson's construction: one start, one end, edges with characters and edges without (None)."""

    def __init__(self, node: Node) -> None:
        self.edges: list[list[tuple[CharSet | None, int]]] = [[]]
        self.end = self._add(node, 0)

    def _state(self) -> int:
        self.edges.append([])
        return len(self.edges) - 1

    def _add(self, node: Node, start: int) -> int:
        match node:
            case Chars(charset):
                end = self._state()
                self.edges[start].append((common(charset, ALPHABET), end))
            case Sequence(parts):
                end = start
                for part in parts:
                    end = self._add(part, end)
            case Choice(options):
                end = self._state()
                for option in options:
                    first = self._state()
                    self.edges[start].append((None, first))
                    self.edges[self._add(option, first)].append((None, end))
            case Repeat(body, least, most):
                end = start
                for _ in range(least):
                    end = self._add(body, end)
                end = self._loop(body, end) if most is None else self._optional(body, end, most - least)
            case Anchor():
                raise AssertionError("anchors are gone by now")
        return end

    def _loop(self, body: Node, start: int) -> int:
        first, end = self._state(), self._state()
        self.edges[start].append((None, first))
        self.edges[first].append((None, end))
        self.edges[self._add(body, first)].append((None, first))
        return end

    def _optional(self, body: Node, start: int, times: int) -> int:
        end = self._state()
        for _ in range(times):
            self.edges[start].append((None, end))
            start = self._add(body, start)
        self.edges[start].append((None, end))
        return end

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        """``states`` and whatever is reached without reading."""
        seen, work = set(states), list(states)
        while work:
            for charset, target in self.edges[work.pop()]:
                if charset is None and target not in seen:
                    seen.add(target)
                    work.append(target)
        return frozenset(seen)


def _determined(fragments: _Fragments) -> Automaton:
    letters = atoms(charset for row in fragments.edges for charset, _ in row if charset)
    budget = _MAX_WORK

    def step(states: frozenset[int]) -> Iterator[tuple[CharSet, frozenset[int]]]:
        leading = [
            (charset, target) for state in states for charset, target in fragments.edges[state] if charset
        ]
        nonlocal budget
        budget -= len(letters) * len(leading)
        if budget < 0:
            raise TooManyStates
        by_targets: dict[frozenset[int], list[tuple[int, int]]] = {}
        for letter in letters:
            targets = frozenset(target for charset, target in leading if _within(letter[0][0], charset))
            if targets:
                by_targets.setdefault(targets, []).append(letter[0])
        for targets, ranges in by_targets.items():
            yield union(ranges), fragments.closure(targets)

    return explore(fragments.closure([0]), step, lambda states: fragments.end in states)


def _within(code: int, charset: CharSet) -> bool:
    return any(low <= code <= high for low, high in charset)
