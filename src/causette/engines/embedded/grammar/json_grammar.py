"""A JSON Schema as a grammar of compact JSON, for a compiler that must never be given what it cannot take.

The runtime compiles a grammar in the middle of a batch's step: what it cannot compile breaks every reply in the batch,
and what takes long holds them all up. So a schema is translated here, in full and within bounds, or refused with the
place and the reason. There is no white space between tokens: small models, given the choice, write nothing else.
"""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final, cast

import msgspec

from causette.engines.embedded.grammar import compile_cost
from causette.engines.embedded.grammar.automata import (
    Automaton,
    TooManyStates,
    both,
    without,
)
from causette.engines.embedded.grammar.expressions import (
    EMPTY,
    Expression,
    Grammar,
    Literal,
    Rule,
    choice,
    sequence,
    text,
)
from causette.engines.embedded.grammar.judging import Judge, asserted
from causette.engines.embedded.grammar.names import further_names
from causette.engines.embedded.grammar.nodes import Node, Part
from causette.engines.embedded.grammar.numbers import MAX_DIGITS, MAX_UNIT, number_automaton
from causette.engines.embedded.grammar.patterns import pattern_automaton
from causette.engines.embedded.grammar.place import Place, Unsatisfiable
from causette.engines.embedded.grammar.schema import Schema
from causette.engines.embedded.grammar.strings import string

MAX_SCHEMA_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 64
MAX_PROPERTIES: Final = 512
MAX_GRAMMAR_BYTES: Final = 200 * 1024


def json_grammar(schema: dict[str, object] | None) -> str:
    """The grammar of the JSON values that fulfil ``schema``; None: of any JSON object.

    Raises:
        InvalidRequest: the schema is malformed, no value fulfils it, or it cannot be followed exactly; the message
            says where, as a JSON pointer, and why.
    """
    return _translated(_encoded({"type": "object"} if schema is None else schema))


@lru_cache(maxsize=64)
def _translated(schema: bytes) -> str:
    root = Place()
    translation = _Translation(Schema(msgspec.json.decode(schema, type=dict[str, object])))
    start = translation.value((root,))
    rules = translation.finished(start)
    if not rules:
        raise root.impossible("no finite value fulfils it")
    cost = compile_cost.milliseconds(rules.values())
    if cost > compile_cost.MAX_MILLISECONDS:
        raise root.refuse(
            f"compiling it would hold up every reply for about {cost:.0f} ms of processor time; at most "
            f"{compile_cost.MAX_MILLISECONDS:.0f} are taken; use fewer or smaller patterns and lists of values"
        )
    written = text(rules)
    if len(written) > MAX_GRAMMAR_BYTES:
        raise root.refuse(f"its grammar has {len(written)} bytes; at most {MAX_GRAMMAR_BYTES} are taken")
    return written


def _encoded(schema: dict[str, object]) -> bytes:
    """The schema as JSON text of a size and depth that is safe to work on."""
    root = Place()
    level: list[object] = [schema]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise root.refuse(f"the schema is nested deeper than {MAX_DEPTH} levels")
    try:
        encoded = msgspec.json.encode(schema)
    except (UnicodeEncodeError, TypeError) as error:
        raise root.refuse(f"it cannot be written as JSON ({error})") from None
    if len(encoded) > MAX_SCHEMA_BYTES:
        raise root.refuse(f"the schema has {len(encoded)} bytes; at most {MAX_SCHEMA_BYTES} are taken")
    return encoded


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


class _Translation:
    """One schema on its way to rules. Parts of the schema are translated once each, one after the other."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._judge = Judge(schema)
        self._grammar = Grammar()
        self._rules: dict[Part, Rule] = {}
        self._pending: deque[Part] = deque()

    def value(self, part: Part) -> Rule:
        """The rule for values that fulfil ``part``."""
        part = self._schema.canonical(part)
        if part not in self._rules:
            self._rules[part] = self._grammar.promise()
            self._pending.append(part)
        return self._rules[part]

    def finished(self, start: Rule) -> dict[str, Expression]:
        """The rules that ``start`` needs, ``start`` first; none when nothing finite can be written."""
        while self._pending:
            part = self._pending.popleft()
            self._grammar.keep(self._rules[part], self._alternatives(part))
        return self._grammar.finished(start)

    def _alternatives(self, part: Part) -> Expression:
        options: list[Expression] = []
        last: Unsatisfiable | None = None
        for node in self._schema.alternatives(part):
            try:
                options.append(self._node(node))
            except Unsatisfiable as error:
                last = error
        if last is not None and not options:
            raise last
        return choice(options)

    def _node(self, node: Node) -> Expression:
        if node.values is not None:
            others = replace(node, values=None)
            allowed = [value for value in node.values if self._judge.allows(others, value)]
            if not allowed:
                raise node.place.impossible("none of the values listed fulfils what else is asserted")
            return choice(Literal(_json(value, node.place)) for value in allowed)
        options: list[Expression] = []
        last: Unsatisfiable | None = None
        kinds = node.meant_kinds()
        for which in sorted(kinds - ({"integer"} if "real" in kinds else set())):
            try:
                options.append(self._of_kind(which, node))
            except Unsatisfiable as error:
                last = error
        if last is not None and not options:
            raise last
        return choice(options)

    def _of_kind(self, which: str, node: Node) -> Expression:
        match which:
            case "null":
                return Literal("null")
            case "boolean":
                return choice([Literal("true"), Literal("false")])
            case "string":
                return self._grammar.rule(string(self._grammar, node))
            case "array":
                return self._array(node)
            case "object":
                return self._object(node)
            case _:
                return self._number(node, fraction=which == "real")

    def _number(self, node: Node, *, fraction: bool) -> Expression:
        try:
            language = number_automaton(node.within, fraction=fraction, multiple_of=node.multiple_of)
        except TooManyStates:
            raise node.place.refuse(
                f"multiples of {node.multiple_of} cannot be followed; steps up to 40, and round ones "
                f"up to {MAX_UNIT}, can"
            ) from None
        if language.empty:
            raise node.place.impossible(f"no number of at most {MAX_DIGITS} digits fulfils the bounds")
        return self._grammar.automaton(language, quoted=False)

    def _array(self, node: Node) -> Expression:
        least, most = node.least_items, node.most_items
        declared = len(node.prefix)
        if node.items is None and declared:
            most = max(declared, least) if most is None else min(most, max(declared, least))
        for index in range(max(declared, least) + 1):
            if self._schema.forbids(node.element(index)):
                most = index if most is None else min(most, index)
                break
        if most is not None and least > most:
            raise node.place.impossible(f"an array of at least {least} elements has no room for them")
        end = Literal("]")
        explicit = max(declared, least) if most is None else most
        rest: Expression = (
            end if most is not None else self._more(end, Literal(","), self.value(node.items or ()))
        )
        for index in reversed(range(explicit)):
            element = self.value(node.element(index))
            further = sequence(Literal(",") if index else EMPTY, element, self._grammar.short(rest))
            rest = further if index < least else choice([end, further])
        if most is None and not explicit:
            element = self.value(node.items or ())
            rest = choice([end, sequence(element, rest)])
        return sequence(Literal("["), rest)

    def _more(self, end: Expression, before: Expression, item: Expression) -> Rule:
        """The end, or one more ``item`` and so on."""
        more = self._grammar.promise()
        self._grammar.keep(more, choice([end, sequence(before, item, more)]))
        return more

    def _object(self, node: Node) -> Expression:
        names = [*node.properties, *(name for name in node.required if name not in node.properties)]
        if len(names) > MAX_PROPERTIES:
            raise node.place.refuse(
                f"an object has {len(names)} properties; at most {MAX_PROPERTIES} are taken"
            )
        end, comma = Literal("}"), Literal(",")
        other = self._other_members(node, names)
        # What may follow when members have been written, and the ways to go on when none has.
        begun: Expression = end if other is None else self._more(end, comma, other)
        fresh: list[Expression] = [end] if other is None else [end, sequence(other, begun)]
        for name in reversed(names):
            part, required = asserted(node, name), name in node.required
            if self._schema.forbids(part):
                if required:
                    raise node.place.impossible(f"the property {name!r} is required, and nothing allows it")
                continue
            member: Expression = sequence(Literal(_json(name, node.place) + ":"), self.value(part))
            if required:
                begun = self._grammar.short(begun)
                fresh, begun = [sequence(member, begun)], sequence(comma, member, begun)
            else:
                member, begun = self._grammar.rule(member), self._grammar.rule(begun)
                fresh.append(sequence(member, begun))
                begun = choice([sequence(comma, member, begun), begun])
        return sequence(Literal("{"), self._grammar.rule(choice(fresh)))

    def _other_members(self, node: Node, names: list[str]) -> Expression | None:
        """Members that are not declared by name, or None where there are none."""
        if node.pattern_properties:
            return choice(self._members_by_pattern(node, names))
        part = node.additional
        if part is None:
            if names:
                return None
            part = ()
        if self._schema.forbids(part):
            return None
        key = self._grammar.automaton(further_names(names), quoted=True)
        return self._grammar.rule(sequence(Literal('"'), key, Literal(":"), self.value(part)))

    def _members_by_pattern(self, node: Node, names: list[str]) -> list[Expression]:
        members: list[Expression] = []
        seen: list[Automaton] = []
        for pattern, part in node.pattern_properties.items():
            language = pattern_automaton(pattern)
            try:
                if any(not both(language, other).empty for other in seen):
                    raise node.place.refuse(
                        f"another of the patternProperties may match the same names as {pattern!r}"
                    )
                key = without(language, names)
            except TooManyStates:
                raise node.place.refuse(
                    f"the names that {pattern!r} matches need too large an automaton"
                ) from None
            seen.append(language)
            if not key.empty and not self._schema.forbids(part):
                quoted = sequence(Literal('"'), self._grammar.automaton(key, quoted=True))
                members.append(sequence(quoted, Literal(":"), self.value(part)))
        return members


def _json(value: object, place: Place) -> str:
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        written.encode()
    except (ValueError, UnicodeEncodeError):
        raise place.refuse("a value or a name here cannot be written as JSON in UTF-8") from None
    # Some vocabularies lack the bytes that begin the rarest characters.
    return "".join(char if ord(char) <= 0x3FFFF else json.dumps(char)[1:-1] for char in written)
