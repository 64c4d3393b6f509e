"""Which JSON Schemas the grammar compiler gets to see.

The runtime compiles a schema in the middle of a batch step, and what it cannot compile breaks the whole batch. So a
schema is read here first, and what is malformed or out of bounds is refused with the place and the reason.
"""

import re
from typing import Final, cast

import msgspec

from causette.errors import InvalidRequest

_TYPES: Final = {"object", "array", "string", "number", "integer", "boolean", "null"}
_MAX_BYTES: Final = 64 * 1024
_MAX_DEPTH: Final = 24
# A bound of n costs the grammar n states, and compiling grows faster than that: 4,000 take half a minute.
_MAX_COUNT: Final = 512
_REPETITION: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
# What regular expressions may not use: the compiler's automata cannot look around or back.
_BEYOND_AUTOMATA: Final = re.compile(r"\(\?(?!:)|\\[1-9bBkpP]")

_SCHEMAS: Final = ("not", "if", "then", "else", "contains", "propertyNames", "dependentSchemas")
_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONE: Final = (
    "items",
    "additionalProperties",
    "unevaluatedProperties",
    "additionalItems",
    "unevaluatedItems",
)
_COUNTS: Final = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))
_RANGES: Final = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
)

Json = dict[str, object] | list[object] | str | float | bool | None


def check_schema(schema: dict[str, object]) -> str:
    """``schema`` as JSON text, fit for the grammar compiler.

    Raises:
        InvalidRequest: it is not a JSON Schema this engine can follow; the message says where and why.
    """
    text = msgspec.json.encode(schema)
    if len(text) > _MAX_BYTES:
        raise _refuse("#", f"the schema has {len(text)} bytes; at most {_MAX_BYTES} are taken")
    _check(schema, "#", schema, 0, ())
    return text.decode()


def _refuse(where: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"response_format.json_schema.schema at {where}: {why}.",
        code="invalid_json_schema",
        param="response_format",
    )


def _check(schema: object, where: str, root: dict[str, object], depth: int, refs: tuple[str, ...]) -> None:
    if isinstance(schema, bool):
        if not schema:
            raise _refuse(where, "a schema of false allows no value at all")
        return
    if not isinstance(schema, dict):
        raise _refuse(where, f"a schema is an object, not {_kind(schema)}")
    if depth > _MAX_DEPTH:
        raise _refuse(where, f"the schema is nested deeper than {_MAX_DEPTH} levels")
    node = cast("dict[str, object]", schema)
    _check_type(node, where)
    _check_values(node, where)
    _check_bounds(node, where)
    _check_pattern(node.get("pattern"), f"{where}/pattern")
    _check_required(node, where)
    _check_reference(node, where, root, depth, refs)
    for keyword in _SCHEMAS:
        if keyword in node:
            raise _refuse(where, f"the keyword {keyword!r} cannot be followed while writing")
    for keyword in _MAPS:
        for name, child in _members(node, keyword, where):
            if keyword == "patternProperties":
                _check_pattern(name, f"{where}/{keyword}")
            _check(child, f"{where}/{keyword}/{name}", root, depth + 1, ())
    for keyword in _LISTS:
        for position, child in enumerate(_elements(node, keyword, where)):
            _check(child, f"{where}/{keyword}/{position}", root, depth + 1, refs)
    for keyword in _ONE:
        child = node.get(keyword)
        if child is not None and child is not False:
            _check(child, f"{where}/{keyword}", root, depth + 1, ())


def _check_type(node: dict[str, object], where: str) -> None:
    if "type" not in node:
        return
    named = node["type"]
    kinds = cast("list[object]", named) if isinstance(named, list) else [named]
    if not kinds:
        raise _refuse(where, "the list of types is empty")
    for kind in kinds:
        if kind not in _TYPES:
            raise _refuse(where, f"{kind!r} is not a type; types are {', '.join(sorted(_TYPES))}")


def _check_values(node: dict[str, object], where: str) -> None:
    if "enum" in node and (not isinstance(node["enum"], list) or not node["enum"]):
        raise _refuse(where, "enum is a list with at least one value")


def _check_bounds(node: dict[str, object], where: str) -> None:
    for low, high in _COUNTS:
        for keyword in (low, high):
            count = node.get(keyword)
            if count is None:
                continue
            if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MAX_COUNT:
                raise _refuse(where, f"{keyword} is a whole number from 0 to {_MAX_COUNT}, not {count!r}")
    for low, high in (*_COUNTS, *_RANGES):
        least, most = node.get(low), node.get(high)
        for keyword, bound in ((low, least), (high, most)):
            if bound is None:
                continue
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                raise _refuse(where, f"{keyword} is a number, not {bound!r}")
            if node.get("type") == "integer" and not float(bound).is_integer():
                raise _refuse(where, f"{keyword} of an integer is a whole number, not {bound!r}")
        if isinstance(least, int | float) and isinstance(most, int | float):
            touching = low.startswith("exclusive") or high.startswith("exclusive")
            if least > most or (touching and least == most):
                raise _refuse(where, f"no value has {low} {least} and {high} {most}")


def _check_pattern(pattern: object, where: str) -> None:
    if pattern is None:
        return
    if not isinstance(pattern, str):
        raise _refuse(where, f"a pattern is a string, not {_kind(pattern)}")
    if _BEYOND_AUTOMATA.search(pattern):
        raise _refuse(where, f"the pattern {pattern!r} looks around or back, which cannot be followed")
    if any(int(count or 0) > _MAX_COUNT for found in _REPETITION.findall(pattern) for count in found):
        raise _refuse(where, f"the pattern {pattern!r} repeats more than {_MAX_COUNT} times")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise _refuse(where, f"{pattern!r} is not a regular expression ({error})") from None


def _check_required(node: dict[str, object], where: str) -> None:
    required = node.get("required")
    if required is None:
        return
    if not isinstance(required, list) or not all(
        isinstance(name, str) for name in cast("list[object]", required)
    ):
        raise _refuse(where, "required is a list of property names")
    if node.get("additionalProperties") is False:
        known = set(cast("dict[str, object]", node.get("properties") or {}))
        missing = [name for name in cast("list[str]", required) if name not in known]
        if missing and "patternProperties" not in node:
            raise _refuse(where, f"required names {missing[0]!r}, which no property allows")


def _check_reference(
    node: dict[str, object], where: str, root: dict[str, object], depth: int, refs: tuple[str, ...]
) -> None:
    if "$ref" not in node:
        return
    reference = node["$ref"]
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise _refuse(where, f"$ref {reference!r} leads outside the schema; only '#/…' is followed")
    if reference in refs:
        raise _refuse(where, f"$ref {reference!r} leads back to itself")
    target: object = root
    for part in reference.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, dict) or key not in target:
            raise _refuse(where, f"$ref {reference!r} leads nowhere")
        target = cast("dict[str, object]", target)[key]
    if isinstance(target, dict) and "$ref" in target:
        _check_reference(cast("dict[str, object]", target), where, root, depth, (*refs, reference))


def _members(node: dict[str, object], keyword: str, where: str) -> list[tuple[str, object]]:
    members = node.get(keyword)
    if members is None:
        return []
    if not isinstance(members, dict):
        raise _refuse(where, f"{keyword} is an object of schemas, not {_kind(members)}")
    return list(cast("dict[str, object]", members).items())


def _elements(node: dict[str, object], keyword: str, where: str) -> list[object]:
    elements = node.get(keyword)
    if elements is None:
        return []
    if not isinstance(elements, list) or not elements:
        raise _refuse(where, f"{keyword} is a list with at least one schema")
    return cast("list[object]", elements)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
