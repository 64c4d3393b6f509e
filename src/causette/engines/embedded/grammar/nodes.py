"""What a schema asserts of one value, as a record; two of them can be merged into what both assert.

A *part* of a schema is named by the places it is asserted at: one place for a plain subschema, several where an
``allOf`` (or a reference with siblings) asserts more than one thing of the same value, none where anything goes.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import lcm
from typing import Final, cast

from causette.engines.embedded.grammar.numbers import Range
from causette.engines.embedded.grammar.place import Place

Part = tuple[Place, ...]
#: Numbers are of two kinds, so that "integer" is a part of "number".
KINDS: Final = {
    "object": {"object"},
    "array": {"array"},
    "string": {"string"},
    "integer": {"integer"},
    "number": {"integer", "real"},
    "boolean": {"boolean"},
    "null": {"null"},
}
ALL_KINDS: Final = frozenset[str]().union(*KINDS.values())


@dataclass(frozen=True, slots=True)
class Group:
    """An ``anyOf`` (or a ``oneOf``, once its branches are known to exclude each other)."""

    branches: tuple[Part, ...]
    #: The branches inside of which this one stands: going round in them says nothing new.
    inside: frozenset[Part]


@dataclass(frozen=True, slots=True)
class Node:
    """Everything asserted of one value. The defaults assert nothing."""

    place: Place
    kinds: frozenset[str] = ALL_KINDS
    #: The JSON values of ``enum`` and ``const``; None: no such list.
    values: tuple[object, ...] | None = None
    least: int = 0
    most: int | None = None
    patterns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    within: Range = field(default_factory=Range)
    multiple_of: Decimal | None = None
    properties: dict[str, Part] = field(default_factory=dict[str, Part])
    pattern_properties: dict[str, Part] = field(default_factory=dict[str, Part])
    #: What other properties must be; None: nothing is said.
    additional: Part | None = None
    required: tuple[str, ...] = ()
    prefix: tuple[Part, ...] = ()
    items: Part | None = None
    least_items: int = 0
    most_items: int | None = None
    groups: tuple[Group, ...] = ()

    def property(self, name: str) -> Part:
        """What is asserted of the property ``name``, declared or not."""
        return self.properties.get(name, self.additional or ())

    def element(self, index: int) -> Part:
        """What is asserted of the array's element ``index``."""
        return self.prefix[index] if index < len(self.prefix) else self.items or ()

    def meant_kinds(self) -> frozenset[str]:
        """The kinds of value to write: where no type is given, those that the other keywords speak of.

        A string fulfils ``{"properties": …}`` too, but nobody who writes that wants one.
        """
        if self.kinds != ALL_KINDS:
            return self.kinds
        spoken_of = {
            "object": not _plain(self),
            "array": bool(self.prefix)
            or self.items is not None
            or self.least_items
            or self.most_items is not None,
            "string": bool(self.patterns or self.formats) or self.least or self.most is not None,
            "number": self.within.bounded or self.multiple_of is not None,
        }
        meant = [KINDS[name] for name, yes in spoken_of.items() if yes]
        return frozenset[str]().union(*meant) or ALL_KINDS

    def __and__(self, other: "Node") -> "Node":
        """What both assert.

        Raises:
            Unsatisfiable: they contradict each other.
            InvalidRequest: they cannot be merged.
        """
        if (self.pattern_properties or other.pattern_properties) and not (_plain(self) or _plain(other)):
            raise self.place.refuse(
                "patternProperties cannot be followed together with other object keywords in allOf"
            )
        names = [*self.properties, *(name for name in other.properties if name not in self.properties)]
        both = Node(
            place=self.place,
            kinds=self.kinds & other.kinds,
            values=_common_values(self.values, other.values),
            least=max(self.least, other.least),
            most=_least(self.most, other.most),
            patterns=tuple(dict.fromkeys((*self.patterns, *other.patterns))),
            formats=tuple(dict.fromkeys((*self.formats, *other.formats))),
            within=self.within & other.within,
            multiple_of=_common_multiple(self.multiple_of, other.multiple_of),
            properties={name: self.property(name) + other.property(name) for name in names},
            pattern_properties=self.pattern_properties | other.pattern_properties,
            additional=_joined(self.additional, other.additional),
            required=tuple(dict.fromkeys((*self.required, *other.required))),
            prefix=tuple(
                self.element(index) + other.element(index)
                for index in range(max(len(self.prefix), len(other.prefix)))
            ),
            items=_joined(self.items, other.items),
            least_items=max(self.least_items, other.least_items),
            most_items=_least(self.most_items, other.most_items),
            groups=self.groups + other.groups,
        )
        return both.consistent()

    def consistent(self) -> "Node":
        """This node, with the kinds that its bounds leave.

        Raises:
            Unsatisfiable: they leave none.
        """
        kinds = self.kinds
        impossible = {
            "string": self.most is not None and self.least > self.most,
            "array": self.most_items is not None and self.least_items > self.most_items,
            "integer": self.within.empty,
            "real": self.within.empty,
        }
        left = kinds - {kind for kind, contradicts in impossible.items() if contradicts}
        if not left or self.values == ():
            raise self.place.impossible("no value fulfils all that is asserted here")
        return replace(self, kinds=left)


def _plain(node: Node) -> bool:
    return not (node.properties or node.pattern_properties or node.additional is not None or node.required)


def _joined(left: Part | None, right: Part | None) -> Part | None:
    return right if left is None else left if right is None else left + right


def _least(left: int | None, right: int | None) -> int | None:
    return right if left is None else left if right is None else min(left, right)


def _common_values(
    left: tuple[object, ...] | None, right: tuple[object, ...] | None
) -> tuple[object, ...] | None:
    if left is None or right is None:
        return right if left is None else left
    return tuple(value for value in left if any(same(value, other) for other in right))


def _common_multiple(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    if left is None or right is None:
        return right if left is None else left
    exponent = min(cast("int", left.as_tuple().exponent), cast("int", right.as_tuple().exponent), 0)
    unit = Decimal(1).scaleb(exponent)
    return lcm(int(left / unit), int(right / unit)) * unit


def kind(value: object) -> str:
    """Which of ``KINDS`` a JSON value is of."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "real"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def same(left: object, right: object) -> bool:
    """Equality of JSON values: 1 is 1.0, but not true."""
    if kind(left) != kind(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = cast("dict[str, object]", left), cast("dict[str, object]", right)
        return ours.keys() == theirs.keys() and all(same(value, theirs[name]) for name, value in ours.items())
    if isinstance(left, list) and isinstance(right, list):
        one, other = cast("list[object]", left), cast("list[object]", right)
        return len(one) == len(other) and all(map(same, one, other))
    return left == right
