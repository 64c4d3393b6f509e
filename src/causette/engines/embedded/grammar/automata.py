"""Finite automata over characters: what a regular expression, a length or a range of numbers comes down to.

An automaton here is deterministic, minimal, and has no dead ends: from each of its states an accepting one can be
reached. So whoever follows it never gets stuck, and two questions have exact answers: is it empty, do two overlap.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from causette.engines.embedded.grammar.charsets import (
    CharSet,
    atoms,
    chars,
    common,
    complement,
    contains,
    union,
)

#: More states than this are not worth their compile time.
MAX_STATES: Final = 1500
# Edges looked at in the making of one automaton: bounds the time that a hostile pattern can take.
_MAX_EDGES: Final = 200_000

State = TypeVar("State", bound=Hashable)


class TooManyStates(Exception):
    """The automaton would be too large, or take too long to make."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """``edges[state]`` lists characters and where they lead; state 0 is the start. No states: nothing is accepted."""

    edges: tuple[tuple[tuple[CharSet, int], ...], ...]
    accepting: frozenset[int]

    @property
    def empty(self) -> bool:
        """Whether no text at all is accepted."""
        return not self.edges

    def accepts(self, text: str) -> bool:
        """Whether ``text`` as a whole is accepted."""
        if self.empty:
            return False
        state = 0
        for char in text:
            following = [target for charset, target in self.edges[state] if contains(charset, char)]
            if not following:
                return False
            state = following[0]
        return state in self.accepting


def explore(
    start: State,
    step: Callable[[State], Iterable[tuple[CharSet, State]]],
    accepts: Callable[[State], bool],
) -> Automaton:
    """The automaton whose states are whatever ``step`` leads to. From one state, the steps' characters are disjoint.

    Raises:
        TooManyStates: it is too large.
    """
    numbers: dict[State, int] = {start: 0}
    order = [start]
    edges: list[list[tuple[CharSet, int]]] = []
    looked_at = 0
    for state in order:
        edges.append([])
        for charset, target in step(state):
            looked_at += 1
            if looked_at > _MAX_EDGES:
                raise TooManyStates
            if not charset:
                continue
            if target not in numbers:
                if len(order) >= MAX_STATES:
                    raise TooManyStates
                numbers[target] = len(order)
                order.append(target)
            edges[-1].append((charset, numbers[target]))
    return _minimal(edges, {number for state, number in numbers.items() if accepts(state)})


def both(left: Automaton, right: Automaton) -> Automaton:
    """Accepts what both accept."""
    if left.empty or right.empty:
        return Automaton((), frozenset())

    def step(pair: tuple[int, int]) -> Iterable[tuple[CharSet, tuple[int, int]]]:
        for one, to_left in left.edges[pair[0]]:
            for other, to_right in right.edges[pair[1]]:
                yield common(one, other), (to_left, to_right)

    return explore((0, 0), step, lambda pair: pair[0] in left.accepting and pair[1] in right.accepting)


def without(language: Automaton, texts: Iterable[str]) -> Automaton:
    """Accepts what ``language`` accepts, except ``texts``."""
    if language.empty:
        return language
    excluded = frozenset(texts)

    def step(at: tuple[int, frozenset[str]]) -> Iterable[tuple[CharSet, tuple[int, frozenset[str]]]]:
        state, rests = at
        initials = {rest[0] for rest in rests if rest}
        others = complement(chars("".join(initials)))
        for charset, target in language.edges[state]:
            for initial in sorted(initials):
                if contains(charset, initial):
                    tails = frozenset(rest[1:] for rest in rests if rest[:1] == initial)
                    yield chars(initial), (target, tails)
            yield common(charset, others), (target, frozenset())

    return explore((0, excluded), step, lambda at: at[0] in language.accepting and "" not in at[1])


def lengths(charset: CharSet, least: int, most: int | None) -> Automaton:
    """Accepts texts of ``least`` to ``most`` characters of ``charset``."""
    last = least if most is None else most

    def step(count: int) -> Iterable[tuple[CharSet, int]]:
        if count < last:
            yield charset, count + 1
        elif most is None:
            yield charset, count

    return explore(0, step, lambda count: least <= count)


def _minimal(edges: list[list[tuple[CharSet, int]]], accepting: set[int]) -> Automaton:
    """Hopcroft's algorithm on the states from which something is accepted; 0 keeps its number."""
    alive = _reaching(edges, accepting)
    if 0 not in alive:
        return Automaton((), frozenset())
    live = [[(charset, to) for charset, to in row if to in alive] for row in edges]
    letters = atoms(charset for state in alive for charset, _ in live[state])
    sources: list[dict[int, list[int]]] = [{} for _ in letters]
    starts = {letter[0][0]: number for number, letter in enumerate(letters)}
    for state in alive:
        for charset, to in live[state]:
            for low, high in charset:
                number = starts[low]
                while number < len(letters) and letters[number][0][0] <= high:
                    sources[number].setdefault(to, []).append(state)
                    number += 1
    blocks = [block for block in (alive & accepting, alive - accepting) if block]
    # Missing edges need no sink state: a block is split by who leads into it, and every block is tried at first.
    work = {(block, number) for block in range(len(blocks)) for number in range(len(letters))}
    block_of = {state: number for number, block in enumerate(blocks) for state in block}
    while work:
        splitter, number = work.pop()
        hits: dict[int, set[int]] = {}
        for to in blocks[splitter]:
            for state in sources[number].get(to, ()):
                hits.setdefault(block_of[state], set()).add(state)
        for block, hit in hits.items():
            rest = blocks[block] - hit
            if not rest:
                continue
            new = len(blocks)
            blocks[block] = hit
            blocks.append(rest)
            for state in rest:
                block_of[state] = new
            smaller = block if len(hit) <= len(rest) else new
            work |= {(new if (block, letter) in work else smaller, letter) for letter in range(len(letters))}
    return _numbered(live, block_of, blocks, accepting)


def _numbered(
    live: list[list[tuple[CharSet, int]]],
    block_of: dict[int, int],
    blocks: list[set[int]],
    accepting: set[int],
) -> Automaton:
    """One state a block, numbered in the order in which they are reached, edges to the same state joined."""
    numbers = {block_of[0]: 0}
    order = [block_of[0]]
    rows: list[tuple[tuple[CharSet, int], ...]] = []
    for block in order:
        joined: dict[int, list[tuple[int, int]]] = {}
        for charset, to in live[next(iter(blocks[block]))]:
            target = block_of[to]
            if target not in numbers:
                numbers[target] = len(order)
                order.append(target)
            joined.setdefault(numbers[target], []).extend(charset)
        rows.append(tuple((union(ranges), target) for target, ranges in joined.items()))
    return Automaton(
        tuple(rows), frozenset(numbers[block] for block in order if next(iter(blocks[block])) in accepting)
    )


def _reaching(edges: list[list[tuple[CharSet, int]]], accepting: set[int]) -> set[int]:
    """The states from which an accepting one can be reached."""
    before: dict[int, list[int]] = {}
    for state, row in enumerate(edges):
        for _, to in row:
            before.setdefault(to, []).append(state)
    alive, work = set(accepting), list(accepting)
    while work:
        for state in before.get(work.pop(), ()):
            if state not in alive:
                alive.add(state)
                work.append(state)
    return alive
