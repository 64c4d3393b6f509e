"""The keywords of one schema object, checked: what they assert of the value itself."""

import math
from decimal import Decimal
from typing import Final, cast

from causette.engines.embedded.grammar.automata import TooManyStates
from causette.engines.embedded.grammar.formats import format_automaton
from causette.engines.embedded.grammar.nodes import ALL_KINDS, KINDS, Node, Part, kind
from causette.engines.embedded.grammar.numbers import Range
from causette.engines.embedded.grammar.patterns import pattern_automaton
from causette.engines.embedded.grammar.place import Place
from causette.engines.embedded.grammar.regex import BadPattern

MAX_STRING: Final = 4096
MAX_ITEMS: Final = 512
MAX_VALUES: Final = 1000

_NOT_FOLLOWED: Final = (
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames"),
    *("dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems"),
    *("minProperties", "maxProperties", "$dynamicRef", "$recursiveRef"),
)


class Keywords:
    """One schema object and where it stands. Each method raises ``InvalidRequest`` for what is malformed."""

    def __init__(self, schema: dict[str, object], place: Place) -> None:
        self._schema = schema
        self._place = place

    def node(self) -> Node:
        """What the keywords assert, apart from references, ``allOf``, ``anyOf`` and ``oneOf``."""
        for keyword in _NOT_FOLLOWED:
            if keyword in self._schema:
                raise self._refuse(keyword, f"the keyword {keyword} cannot be followed while writing")
        if self._schema.get("uniqueItems", False) is not False:
            raise self._refuse("uniqueItems", "the keyword uniqueItems cannot be followed while writing")
        prefix, items = self._elements()
        return Node(
            place=self._place,
            kinds=self._kinds(),
            values=self._values(),
            least=self._length("minLength", MAX_STRING) or 0,
            most=self._length("maxLength", MAX_STRING),
            patterns=self._patterns(),
            formats=self._formats(),
            within=self._range(),
            multiple_of=self._multiple(),
            properties=self._parts("properties"),
            pattern_properties=self._pattern_properties(),
            additional=self._part("additionalProperties"),
            required=self._required(),
            prefix=prefix,
            items=items,
            least_items=self._length("minItems", MAX_ITEMS) or 0,
            most_items=self._length("maxItems", MAX_ITEMS),
        ).consistent()

    def count(self, keyword: str) -> int:
        """How many schemas the list ``keyword`` has; 0 where it is absent."""
        if keyword not in self._schema:
            return 0
        return len(self._list(keyword))

    def _refuse(self, keyword: str, why: str) -> Exception:
        return (self._place / keyword).refuse(why)

    def _list(self, keyword: str) -> list[object]:
        value = self._schema[keyword]
        if not isinstance(value, list) or not value:
            raise self._refuse(keyword, f"{keyword} is a list with at least one element")
        return cast("list[object]", value)

    def _kinds(self) -> frozenset[str]:
        if "type" not in self._schema:
            return ALL_KINDS
        names = self._schema["type"]
        found: set[str] = set()
        for name in self._list("type") if isinstance(names, list) else [names]:
            if not isinstance(name, str) or name not in KINDS:
                raise self._refuse("type", f"{name!r} is not a type; types are {', '.join(sorted(KINDS))}")
            found |= KINDS[name]
        return frozenset(found)

    def _values(self) -> tuple[object, ...] | None:
        if "enum" not in self._schema:
            return (self._schema["const"],) if "const" in self._schema else None
        values = self._list("enum")
        if len(values) > MAX_VALUES:
            raise self._refuse("enum", f"enum has {len(values)} values; at most {MAX_VALUES} are taken")
        if "const" in self._schema:
            raise self._refuse("const", "enum and const together cannot be followed; keep one of them")
        return tuple(values)

    def _length(self, keyword: str, limit: int) -> int | None:
        if keyword not in self._schema:
            return None
        count = self._schema[keyword]
        if isinstance(count, float) and count.is_integer():
            count = int(count)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= limit:
            raise self._refuse(keyword, f"{keyword} is a whole number from 0 to {limit}, not {count!r}")
        return count

    def _number(self, keyword: str) -> Decimal | None:
        if keyword not in self._schema:
            return None
        number = self._schema[keyword]
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise self._refuse(keyword, f"{keyword} is a number, not {number!r}")
        return Decimal(repr(number))

    def _range(self) -> Range:
        return Range(low=self._number("minimum"), high=self._number("maximum")) & Range(
            low=self._number("exclusiveMinimum"),
            high=self._number("exclusiveMaximum"),
            low_open=True,
            high_open=True,
        )

    def _multiple(self) -> Decimal | None:
        multiple = self._number("multipleOf")
        if multiple is not None and multiple <= 0:
            raise self._refuse("multipleOf", f"multipleOf is greater than 0, not {multiple}")
        return multiple

    def _patterns(self) -> tuple[str, ...]:
        if "pattern" not in self._schema:
            return ()
        pattern = self._schema["pattern"]
        if not isinstance(pattern, str):
            raise self._refuse("pattern", f"a pattern is a string, not {kind(pattern)}")
        _check_pattern(pattern, self._place / "pattern")
        return (pattern,)

    def _formats(self) -> tuple[str, ...]:
        if "format" not in self._schema:
            return ()
        name = self._schema["format"]
        if not isinstance(name, str):
            raise self._refuse("format", f"a format is a string, not {kind(name)}")
        return (name,) if format_automaton(name) is not None else ()

    def _map(self, keyword: str) -> dict[str, object]:
        value = self._schema.get(keyword, {})
        if not isinstance(value, dict):
            raise self._refuse(keyword, f"{keyword} is an object, not {kind(value)}")
        return cast("dict[str, object]", value)

    def _parts(self, keyword: str) -> dict[str, Part]:
        return {name: (self._place / keyword / name,) for name in self._map(keyword)}

    def _part(self, keyword: str) -> Part | None:
        return (self._place / keyword,) if keyword in self._schema else None

    def _pattern_properties(self) -> dict[str, Part]:
        parts = self._parts("patternProperties")
        for pattern in parts:
            _check_pattern(pattern, self._place / "patternProperties" / pattern)
        if parts and self._schema.get("additionalProperties", False) is not False:
            raise self._refuse(
                "patternProperties",
                "patternProperties is followed only where additionalProperties is false or absent",
            )
        return parts

    def _required(self) -> tuple[str, ...]:
        names = self._schema.get("required", [])
        if not isinstance(names, list):
            raise self._refuse("required", f"required is a list of property names, not {kind(names)}")
        checked: list[str] = []
        for name in cast("list[object]", names):
            if not isinstance(name, str):
                raise self._refuse("required", f"required is a list of property names; {name!r} is none")
            checked.append(name)
        return tuple(dict.fromkeys(checked))

    def _elements(self) -> tuple[tuple[Part, ...], Part | None]:
        # A list of items, and what follows it, had these names before 2020-12.
        older = isinstance(self._schema.get("items"), list)
        first, rest = ("items", "additionalItems") if older else ("prefixItems", "items")
        prefix = tuple((self._place / first / index,) for index in range(self.count(first)))
        return prefix, self._part(rest)


def _check_pattern(pattern: str, place: Place) -> None:
    try:
        language = pattern_automaton(pattern)
    except BadPattern as error:
        raise place.refuse(f"the pattern {pattern!r} {error}") from None
    except TooManyStates:
        raise place.refuse(
            f"the pattern {pattern!r} needs too large an automaton; use fewer or smaller counts"
        ) from None
    if language.empty:
        raise place.impossible(f"no text that is fit for JSON matches the pattern {pattern!r}")
