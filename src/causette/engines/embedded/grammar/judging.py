"""Questions about nodes: does a value fulfil one, can two be fulfilled by one value."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

from causette.engines.embedded.grammar.automata import TooManyStates, both
from causette.engines.embedded.grammar.nodes import Node, Part, kind, same
from causette.engines.embedded.grammar.patterns import pattern_automaton
from causette.engines.embedded.grammar.place import Place, Unsatisfiable
from causette.engines.embedded.grammar.schema import Schema
from causette.engines.embedded.grammar.strings import language_of

# How many properties deep a discriminator is looked for.
_MAX_DEPTH: Final = 4
_MAX_COMPARISONS: Final = 3000


class Judge:
    """Answers by the standard's meaning of a schema: what is not forbidden is allowed."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._checked: set[Place] = set()
        self._comparisons = 0
        schema.check_exclusive = self._check_exclusive

    def allows(self, node: Node, value: object) -> bool:
        """Whether ``value`` fulfils ``node``, which has no groups."""
        if kind(value) not in node.kinds:
            return False
        if node.values is not None and not any(same(value, other) for other in node.values):
            return False
        match value:
            case bool() | None:
                return True
            case int() | float():
                number = Decimal(repr(value))
                return number in node.within and not (node.multiple_of and number % node.multiple_of)
            case str():
                return self._allows_string(node, value)
            case list():
                return self._allows_list(node, cast("list[object]", value))
            case _:
                return self._allows_object(node, cast("dict[str, object]", value))

    def _fulfils(self, part: Part, value: object) -> bool:
        try:
            return any(self.allows(node, value) for node in self._schema.alternatives(part))
        except Unsatisfiable:
            return False

    def _allows_string(self, node: Node, value: str) -> bool:
        if not node.least <= len(value) <= (len(value) if node.most is None else node.most):
            return False
        return all(pattern_automaton(pattern).accepts(value) for pattern in node.patterns)

    def _allows_list(self, node: Node, values: Sequence[object]) -> bool:
        count = len(values)
        if not node.least_items <= count <= (count if node.most_items is None else node.most_items):
            return False
        return all(self._fulfils(node.element(index), value) for index, value in enumerate(values))

    def _allows_object(self, node: Node, members: dict[str, object]) -> bool:
        if any(name not in members for name in node.required):
            return False
        return all(self._fulfils(asserted(node, name), value) for name, value in members.items())

    def _check_exclusive(self, place: Place, branches: tuple[Part, ...]) -> None:
        if place in self._checked:
            return
        self._checked.add(place)
        for index, branch in enumerate(branches):
            for earlier in range(index):
                if not self._exclude(branches[earlier], branch, 0):
                    raise place.refuse(
                        f"the branches {earlier} and {index} of oneOf may both hold; "
                        "tell them apart by type, by const, or by a required property, or write anyOf"
                    )

    def _exclude(self, left: Part, right: Part, depth: int) -> bool:
        """Whether evidently no value fulfils both."""
        try:
            ours, theirs = self._schema.alternatives(left), self._schema.alternatives(right)
        except Unsatisfiable:
            return True
        return all(self._disjoint(one, other, depth) for one in ours for other in theirs)

    def _disjoint(self, left: Node, right: Node, depth: int) -> bool:
        self._comparisons += 1
        if self._comparisons > _MAX_COMPARISONS:
            raise left.place.refuse("oneOf has too many branches to compare; write anyOf")
        for one, other in ((left, right), (right, left)):
            if one.values is not None:
                return not any(self.allows(other, value) for value in one.values if self.allows(one, value))
        shared = left.kinds & right.kinds
        return all(self._disjoint_of_kind(which, left, right, depth) for which in shared)

    def _disjoint_of_kind(self, which: str, left: Node, right: Node, depth: int) -> bool:
        match which:
            case "integer" | "real":
                return (left.within & right.within).empty
            case "string":
                try:
                    return both(*(language_of(replace(node, formats=())) for node in (left, right))).empty
                except TooManyStates:
                    return False
            case "object":
                return depth < _MAX_DEPTH and any(
                    self._exclude(asserted(left, name), asserted(right, name), depth + 1)
                    for name in dict.fromkeys((*left.required, *right.required))
                )
            case _:
                return False


def asserted(node: Node, name: str) -> Part:
    """All that ``node`` asserts of its property ``name``."""
    matched = [
        part for pattern, part in node.pattern_properties.items() if pattern_automaton(pattern).accepts(name)
    ]
    if name in node.properties or not matched:
        matched.append(node.property(name))
    return tuple(place for part in matched for place in part)
