"""A schema read part by part: references resolved, ``allOf`` merged, the choices of ``anyOf`` laid out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast
from urllib.parse import unquote

from causette.engines.embedded.grammar.keywords import Keywords
from causette.engines.embedded.grammar.nodes import Group, Node, Part, kind
from causette.engines.embedded.grammar.place import Place, Unsatisfiable

#: Combinations of ``anyOf`` branches that one value is tried with.
MAX_BRANCHES: Final = 256

_ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions"}
    | {"deprecated", "readOnly", "writeOnly"}
)
# Schema objects looked at: bounds what references inside allOf can multiply to.
_MAX_READS: Final = 5000
_MAX_REFERENCES: Final = 40


class Schema:
    """A whole schema, read part by part as it is needed."""

    def __init__(self, root: dict[str, object]) -> None:
        self._root = root
        self._nodes: dict[Part, Node] = {}
        self._reads = 0
        #: Called with the branches of each ``oneOf``; raises where two of them may hold at once.
        self.check_exclusive: Callable[[Place, tuple[Part, ...]], None] = _no_check

    def at(self, place: Place) -> object:
        """The JSON value at ``place``, which exists."""
        value = cast("object", self._root)
        for step in place.steps:
            if isinstance(value, list):
                value = cast("list[object]", value)[int(step)]
            else:
                value = cast("dict[str, object]", value)[step]
        return value

    def canonical(self, part: Part) -> Part:
        """The same part by its shortest name: bare references followed, what asserts nothing left out."""
        places: dict[Place, None] = {}
        for place in part:
            end = place
            for _ in range(_MAX_REFERENCES):
                schema = self.at(end)
                if not isinstance(schema, dict) or "$ref" not in schema or self._keywords(end) != {"$ref"}:
                    break
                end = self._target(end)
            schema = self.at(end)
            if schema is not True and not (isinstance(schema, dict) and not self._keywords(end)):
                places[end] = None
        return tuple(sorted(places))

    def forbids(self, part: Part) -> bool:
        """Whether the part is the schema ``false``."""
        return any(self.at(place) is False for place in self.canonical(part))

    def node(self, part: Part) -> Node:
        """What ``part`` asserts, apart from the choices that are still open in its ``groups``.

        Raises:
            InvalidRequest: a keyword is malformed or cannot be followed.
        """
        part = self.canonical(part)
        if part not in self._nodes:
            node = Node(place=part[0] if part else Place())
            for place in part:
                node &= self._read(place, ())
            self._nodes[part] = replace(node, place=part[0] if part else Place())
        return self._nodes[part]

    def alternatives(self, part: Part) -> list[Node]:
        """The nodes without groups of which a value must fulfil one. Branches that contradict the rest are left out.

        Raises:
            Unsatisfiable: all of them do.
        """
        found: list[Node] = []
        last: Unsatisfiable | None = None
        work = [self._inside(self.node(part), self.canonical(part))]
        tried = 0
        while work:
            node = work.pop()
            if not node.groups:
                found.append(node)
                continue
            group = node.groups[0]
            merged: list[Node] = []
            for branch in map(self.canonical, group.branches):
                tried += 1
                if tried > MAX_BRANCHES:
                    raise node.place.refuse(f"anyOf and oneOf combine to more than {MAX_BRANCHES} branches")
                if branch in group.inside:
                    continue
                try:
                    read = self._inside(self.node(branch), branch, group.inside)
                    merged.append(replace(node, groups=node.groups[1:]) & read)
                except Unsatisfiable as error:
                    last = error
                else:
                    merged[-1] = replace(merged[-1], place=read.place)
            work += reversed(merged)
        if not found:
            raise last or self.node(part).place.impossible("it refers to itself without end")
        return found

    def _inside(self, node: Node, part: Part, others: frozenset[Part] = frozenset()) -> Node:
        inside = others | {part}
        return replace(
            node, groups=tuple(replace(group, inside=group.inside | inside) for group in node.groups)
        )

    def _keywords(self, place: Place) -> set[str]:
        return set(cast("dict[str, object]", self.at(place))) - _ANNOTATIONS

    def _read(self, place: Place, references: tuple[Place, ...]) -> Node:
        schema = self.at(place)
        if schema is True:
            return Node(place=place)
        if schema is False:
            raise place.impossible("a schema of false allows no value at all")
        if not isinstance(schema, dict):
            raise place.refuse(f"a schema is an object or a truth value, not {kind(schema)}")
        if place in references:
            raise place.impossible("it refers to itself without end")
        self._reads += 1
        if len(references) > _MAX_REFERENCES or self._reads > _MAX_READS:
            raise place.refuse("references and allOf lead through too many schemas")
        keywords = Keywords(cast("dict[str, object]", schema), place)
        node = keywords.node()
        inner = (*references, place)
        if "$ref" in schema:
            node &= self._read(self._target(place), inner)
        for index in range(keywords.count("allOf")):
            node &= self._read(place / "allOf" / index, inner)
        for keyword in ("anyOf", "oneOf"):
            branches = tuple((place / keyword / index,) for index in range(keywords.count(keyword)))
            if keyword == "oneOf":
                self.check_exclusive(place / keyword, branches)
            if branches:
                node = replace(node, groups=(*node.groups, Group(branches, frozenset())))
        return node

    def _target(self, place: Place) -> Place:
        reference = cast("dict[str, object]", self.at(place))["$ref"]
        where = place / "$ref"
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise where.refuse(f"a reference points into this schema (#/…), not to {reference!r}")
        steps = unquote(reference).split("/")[1:]
        target = Place(tuple(step.replace("~1", "/").replace("~0", "~") for step in steps))
        try:
            self.at(target)
        except (KeyError, IndexError, ValueError, TypeError):
            raise where.refuse(f"{reference} is not there") from None
        return target


def _no_check(place: Place, branches: tuple[Part, ...]) -> None:
    """What stands in for the check of ``oneOf`` until there is one."""
