"""Schemas at random, from the part of JSON Schema that is followed and a little beyond, for tests of the grammars."""

import random
from typing import Any

Schema = dict[str, Any]

_NAMES = ["a", "b", "name", "na", "naïve", 'qu"ote', "back\\slash", "", "description", "日本", "x_1"]
_PATTERNS = [
    *("^[a-z]{2,5}$", "^(?:a|b)+$", "a", "^\\d{3}-\\d{4}$", "[^\\s]$", "^.{0,6}$", '^"\\\\$', "^(ab*)*c?$"),
    *(
        "^[À-ÿ]+$",
        "^\\w+@\\w+\\.(com|org)$",
        "^$",
        "^\\u00e9\\x41?\\n$",
        "^[^a]{1,3}$",
        "x|y$",
        "^[ab]*a[ab]{3}$",
    ),
]
_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2.5,
    "",
    "red",
    'a"b\\\n\té',
    "日",
    [],
    [1, [2]],
    {},
    {"k": [None]},
    1e3,
]


def random_schema(rng: random.Random, depth: int = 3) -> Schema:
    """A schema nested at most ``depth`` deep; some are contradictory or beyond what is followed."""
    kinds = [_string, _string, _integer, _number, _enum, _simple]
    if depth:
        kinds += [_object, _object, _object, _array, _array, _any_of, _all_of]
    schema = rng.choice(kinds)(rng, depth - 1)
    if rng.random() < 0.1:
        schema["description"] = "for people"
    return schema


def recursive_schema(rng: random.Random) -> Schema:
    """A schema with definitions that refer to each other."""
    names = ["n0", "n1", "n2"]
    definitions = {name: random_schema(rng, 1) for name in names}
    for name in names:
        definitions[f"o{name}"] = {
            "type": "object",
            "properties": {
                "v": {"$ref": f"#/$defs/{name}"},
                "next": {"$ref": f"#/$defs/o{rng.choice(names)}"},
            },
            "required": ["v"],
        }
    return {"$ref": f"#/$defs/o{rng.choice(names)}", "$defs": definitions}


def _string(rng: random.Random, depth: int) -> Schema:
    schema: Schema = {"type": "string"}
    if rng.random() < 0.4:
        schema["pattern"] = rng.choice(_PATTERNS)
    elif rng.random() < 0.4:
        schema["format"] = rng.choice(["date", "time", "date-time", "uuid", "email", "ipv4", "anything"])
    if rng.random() < 0.4:
        schema["minLength"] = rng.choice([0, 1, 2, 13, 30])
    if rng.random() < 0.4:
        schema["maxLength"] = rng.choice([1, 3, 12, 25, 100, 4096])
    return schema


def _integer(rng: random.Random, depth: int) -> Schema:
    schema: Schema = {"type": "integer"}
    for keyword in ("minimum", "exclusiveMaximum", "maximum", "exclusiveMinimum"):
        if rng.random() < 0.3:
            schema[keyword] = rng.choice([-(2**63), -1005, -1, 0, 1, 7, 99.5, 1234, 2**53, 10**15])
    if rng.random() < 0.2:
        schema["multipleOf"] = rng.choice([1, 2, 5, 7, 100, 2.5])
    return schema


def _number(rng: random.Random, depth: int) -> Schema:
    schema: Schema = {"type": "number"}
    for keyword in ("minimum", "exclusiveMaximum"):
        if rng.random() < 0.4:
            schema[keyword] = rng.choice([-1e20, -3.75, -1, 0, 0.1, 0.30000000000000004, 1, 99.99, 1e6])
    if rng.random() < 0.2:
        schema["multipleOf"] = rng.choice([1, 3, 0.5, 0.25])
    return schema


def _enum(rng: random.Random, depth: int) -> Schema:
    if rng.random() < 0.4:
        return {"const": rng.choice(_VALUES)}
    return {"enum": rng.sample(_VALUES, rng.randint(1, 5))}


def _simple(rng: random.Random, depth: int) -> Schema:
    return rng.choice(
        [
            {"type": "boolean"},
            {"type": "null"},
            {},
            {"type": ["string", "null"]},
            {"type": "object"},
            {"type": "array"},
        ]
    ).copy()


def _object(rng: random.Random, depth: int) -> Schema:
    names = rng.sample(_NAMES, rng.randint(0, 5))
    schema: Schema = {"type": "object", "properties": {name: random_schema(rng, depth) for name in names}}
    schema["required"] = [name for name in names if rng.random() < 0.5]
    rest = rng.random()
    if rest < 0.4:
        schema["additionalProperties"] = rng.choice([False, True, random_schema(rng, depth)])
    elif rest < 0.5:
        schema["patternProperties"] = {"^x_[0-9]$": random_schema(rng, depth)}
    return schema


def _array(rng: random.Random, depth: int) -> Schema:
    schema: Schema = {"type": "array"}
    if rng.random() < 0.8:
        schema["items"] = random_schema(rng, depth)
    if rng.random() < 0.2:
        schema["prefixItems"] = [random_schema(rng, depth) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.4:
        schema["minItems"] = rng.randint(0, 4)
    if rng.random() < 0.4:
        schema["maxItems"] = rng.randint(0, 6)
    return schema


def _any_of(rng: random.Random, depth: int) -> Schema:
    branches = [random_schema(rng, depth) for _ in range(rng.randint(1, 3))]
    return {rng.choice(["anyOf", "anyOf", "oneOf"]): branches}


def _all_of(rng: random.Random, depth: int) -> Schema:
    return {
        "allOf": [random_schema(rng, depth), rng.choice([{}, {"type": "object"}, random_schema(rng, depth)])]
    }
