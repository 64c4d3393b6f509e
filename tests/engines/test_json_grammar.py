"""JSON Schemas as grammars: what is accepted is followed exactly, what is not is refused by place.

The grammars are judged three ways: by a reader of the compiler's dialect that knows nothing of how they are made, by
the ``jsonschema`` library on what they allow, and by the real engine.
"""

import json
import random
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causette.engines.embedded.grammar import json_grammar
from causette.engines.embedded.grammar.json_grammar import MAX_GRAMMAR_BYTES
from causette.engines.embedded.text_model import TextModel, TextModelConfig
from causette.engines.types import ChatMessage, GenerateRequest, ResponseFormat, Sampling
from causette.errors import InvalidRequest
from tests.engines.ebnf import Ebnf
from tests.engines.schemas import Schema, random_schema, recursive_schema


def allowed(schema: Schema | None, text: str) -> bool:
    return Ebnf(json_grammar(schema)).allows(text)


def refusal(schema: Schema) -> str:
    with pytest.raises(InvalidRequest) as refused:
        json_grammar(schema)
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", "response_format")
    return refused.value.message


def fulfils(value: object, schema: Schema) -> bool:
    """Whether ``jsonschema`` finds no fault; multiples in decimals, which it works out in binary."""
    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return all(
        error.validator == "multipleOf"
        and not Decimal(str(error.instance)) % Decimal(str(error.validator_value))
        for error in errors
    )


# What grammars allow

OPTIONAL = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}}
TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {
                "v": {"type": "integer"},
                "of": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
            },
            "required": ["v"],
        }
    },
}
PETS = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"k": {"const": "cat"}, "n": {"type": "integer"}},
            "required": ["k"],
        },
        {
            "type": "object",
            "properties": {"k": {"const": "dog"}, "n": {"type": "string"}},
            "required": ["k", "n"],
        },
        {"type": "null"},
    ]
}


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        (None, ["{}", '{"a":[1,{"b":null}]}'], ["[]", '{"a": 1}', "{} ", '{"a":1,}', "\n{}"]),
        ({}, ["null", '"x"', "[]", "-0.5", "true"], ["", "01", "1.", "-0", "1e5", "nul", '"\n"', '"\x00"']),
        (
            {"type": "string"},
            ['"é\\n\\"\\\\"', '""', '"日本🙂"'],
            ['"\\u00e9"', '"\\/"', "x", '"\x7f"', '"\ud800"'],
        ),
        ({"type": "integer"}, ["0", "-7", "9" * 15], ["-0", "07", "1.0", "1" + "0" * 15, "+1"]),
        (
            {"type": "number"},
            ["0.5", "12", "-0.000001", "9" * 15],
            ["0.0000001", "-0", "-0.0", ".5", "1.5e3"],
        ),
        ({"type": ["integer", "null"]}, ["1", "null"], ["1.5", '"1"']),
        (
            {"type": "integer", "minimum": -12, "exclusiveMaximum": 105},
            ["-12", "0", "104"],
            ["-13", "105", "-0", "1000"],
        ),
        ({"type": "integer", "minimum": 1.5, "maximum": 2.5}, ["2"], ["1", "3"]),
        (
            {"type": "number", "exclusiveMinimum": 0.5, "maximum": 0.75},
            ["0.51", "0.75", "0.750"],
            ["0.5", "0.50", "0.751", "1"],
        ),
        (
            {"type": "number", "minimum": -1.25, "maximum": 3},
            ["-1.25", "-0.9", "3", "3.0", "0"],
            ["-1.26", "3.01", "-2"],
        ),
        (
            {"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 100},
            ["14", "98"],
            ["7", "15", "105"],
        ),
        (
            {"type": "number", "multipleOf": 0.05, "minimum": 0},
            ["0.05", "3", "1.10"],
            ["0.01", "0.055", "-1"],
        ),
        ({"type": "integer", "multipleOf": 1000}, ["0", "-5000", "12000"], ["500", "1001"]),
        ({"type": "string", "minLength": 2, "maxLength": 3}, ['"ab"', '"\\n日x"'], ['"a"', '"abcd"', '""']),
        (
            {"type": "string", "minLength": 30, "maxLength": 60},
            [f'"{"é" * n}"' for n in (30, 41, 60)],
            ['"' + "é" * n + '"' for n in (29, 61)],
        ),
        ({"type": "string", "maxLength": 4096}, [f'"{"a" * 4096}"', '""'], [f'"{"a" * 4097}"']),
        ({"type": "string", "pattern": "^[a-z]+(-[0-9]{2})?$"}, ['"ab"', '"a-07"'], ['"a-7"', '""', '"A"']),
        ({"type": "string", "pattern": "b.d"}, ['"abcde"'], ['"bd"', '"b\\nd"']),
        (
            {"type": "string", "pattern": '^["\\\\\\n]$'},
            ['"\\""', '"\\\\"', '"\\n"'],
            ['"""', '"n"', '"\\t"'],
        ),
        ({"type": "string", "pattern": "^a|b$"}, ['"ax"', '"xb"'], ['"xa"', '"bx"']),
        ({"type": "string", "pattern": "^[^a-c\\d]$"}, ['"d"', '"\\n"'], ['"a"', '"5"', '"٣"']),
        ({"type": "string", "pattern": "^\\w+$", "maxLength": 3}, ['"ab_"'], ['"abcd"', '"é"']),
        (
            {"type": "string", "format": "date"},
            ['"2024-02-28"', '"1999-12-31"'],
            ['"2023-02-30"', '"2023-13-01"', '"99-1-1"'],
        ),
        ({"type": "string", "format": "uri"}, ['"anything"'], ["1"]),
        ({"enum": ["a", 1, None, {"x": [1.5]}]}, ['"a"', "1", "null", '{"x":[1.5]}'], ['"b"', "true", "{}"]),
        ({"enum": ["a", 1, 2, 9], "type": "integer", "maximum": 5}, ["1", "2"], ['"a"', "9"]),
        ({"const": 'é"\n\U000f0000'}, ['"é\\"\\n\\udb80\\udc00"'], ['"é\\"\\n\U000f0000"']),
        (
            OPTIONAL,
            ["{}", '{"a":1}', '{"b":2}', '{"a":1,"c":3}', '{"a":1,"b":2,"c":3}'],
            ['{"c":3,"a":1}', '{"a":1,"a":1}', '{"d":1}'],
        ),
        (OPTIONAL | {"required": ["b"]}, ['{"b":2}', '{"a":1,"b":2}', '{"b":2,"c":3}'], ["{}", '{"a":1}']),
        (
            OPTIONAL | {"additionalProperties": {"type": "null"}},
            ['{"z":null}', '{"a":1,"z":null,"_é,":null}', '{"ab":null}'],
            ['{"z":1}', '{"z":null,"a":1}', '{"a":null}', '{",":null}'],
        ),
        ({"type": "object", "required": ["x"]}, ['{"x":[]}'], ["{}", '{"y":1}']),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            ["{}", '{"k":1,"l":2}'],
            ['{"k":"1"}'],
        ),
        (
            {
                "type": "object",
                "patternProperties": {"^n_": {"type": "integer"}},
                "properties": {"n_a": {"maximum": 5}},
            },
            ['{"n_a":5,"n_b":9}', "{}"],
            ['{"n_a":9}', '{"x":1}'],
        ),
        ({"type": "object", "properties": {"a": False, "b": {"const": 1}}}, ["{}", '{"b":1}'], ['{"a":1}']),
        ({"properties": {"a": {"const": 1}}}, ["{}", '{"a":1}'], ["1", '"x"', "[]"]),
        ({"minLength": 1}, ['"a"'], ['""', "1"]),
        ({"type": "array"}, ["[]", '[1,"a",[]]'], ["[1 ,2]", "[,]", "[1,]"]),
        (
            {"type": "array", "items": {"const": 1}, "minItems": 2, "maxItems": 3},
            ["[1,1]", "[1,1,1]"],
            ["[1]", "[1,1,1,1]", "[]"],
        ),
        (
            {
                "type": "array",
                "prefixItems": [{"const": 1}, {"const": 2}],
                "items": {"const": 3},
                "minItems": 1,
            },
            ["[1]", "[1,2]", "[1,2,3,3]"],
            ["[]", "[2]", "[1,3]"],
        ),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}]}, ["[]", "[1]", "[1,2]"], ["[1,2,3]"]),
        ({"type": "array", "items": False}, ["[]"], ["[1]"]),
        ({"anyOf": [{"type": "integer"}, {"const": "x"}]}, ["3", '"x"'], ['"y"', "null"]),
        (
            {
                "type": "object",
                "properties": {"t": {"enum": ["a", "b"]}},
                "required": ["t"],
                "anyOf": [
                    {"properties": {"t": {"const": "a"}}},
                    {"properties": {"n": {"const": 1}}, "required": ["n"]},
                ],
            },
            ['{"t":"a"}', '{"t":"b","n":1}'],
            ['{"t":"b"}'],
        ),
        (
            PETS,
            ['{"k":"cat","n":1}', '{"k":"cat"}', '{"k":"dog","n":"x"}', "null"],
            ['{"k":"cat","n":"x"}', '{"k":"dog"}', '{"k":"cow"}'],
        ),
        (
            {
                "allOf": [
                    {"properties": {"a": {"minimum": 3}}},
                    {
                        "type": "object",
                        "properties": {"a": {"type": "integer", "maximum": 5}},
                        "required": ["a"],
                    },
                ]
            },
            ['{"a":4}'],
            ['{"a":2}', '{"a":6}', "{}"],
        ),
        (TREE, ['{"v":1}', '{"v":1,"of":[{"v":2,"of":[]}]}'], ['{"of":[]}', '{"v":1,"of":[1]}']),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, ["null"], ["1"]),
        ({"$defs": {"a/b~c d": {"const": 1}}, "$ref": "#/$defs/a~1b~0c%20d"}, ["1"], ["2"]),
        (
            {"type": "boolean", "title": "t", "default": 5, "x-mine": {"type": "wrong"}},
            ["true", "false"],
            ["5"],
        ),
    ],
)
def test_a_grammar_allows_what_its_schema_allows_and_nothing_else(
    schema: Schema | None, yes: list[str], no: list[str]
):
    grammar = Ebnf(json_grammar(schema))
    assert [text for text in yes if not grammar.allows(text)] == []
    assert [text for text in no if grammar.allows(text)] == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.randoms(use_true_random=False), st.booleans())
def test_whatever_a_grammar_allows_is_json_that_fulfils_the_schema(rng: random.Random, recursive: bool):
    schema = recursive_schema(rng) if recursive else random_schema(rng)
    try:
        grammar = Ebnf(json_grammar(schema))
    except InvalidRequest as refused:
        assert refused.message.startswith("response_format.json_schema.schema at #")
        return
    for room in (5, 60, 200):
        text = grammar.draw(rng, room)
        assert grammar.allows(text)
        value = json.loads(text)
        assert fulfils(value, schema), text


@settings(max_examples=200, deadline=None)
@given(
    low=st.none() | st.decimals(-2000, 2000, places=2),
    high=st.none() | st.decimals(-2000, 2000, places=2),
    number=st.decimals(-2500, 2500, places=2),
    kind=st.sampled_from(["integer", "number"]),
    is_open=st.booleans(),
    step=st.sampled_from([None, 1, 3, 7, 60, 2.5, 0.25]),
)
def test_a_number_is_allowed_if_and_only_if_it_is_in_its_range(
    low: Decimal | None, high: Decimal | None, number: Decimal, kind: str, is_open: bool, step: float | None
):
    schema: Schema = {"type": kind}
    if low is not None:
        schema["exclusiveMinimum" if is_open else "minimum"] = float(low)
    if high is not None:
        schema["maximum"] = float(high)
    if step is not None:
        schema["multipleOf"] = step
    if kind == "integer":
        number = Decimal(int(number))
    inside = (low is None or number > low or (number == low and not is_open)) and (
        high is None or number <= high
    )
    if step is not None:
        inside = inside and not number % Decimal(str(step))
    try:
        grammar = Ebnf(json_grammar(schema))
    except InvalidRequest as refused:
        assert not inside, refused.message
        return
    assert grammar.allows(f"{number.normalize() + 0:f}") is inside


# What is refused


@pytest.mark.parametrize(
    ("schema", "place", "why"),
    [
        ({"type": "objekt"}, "#/type", "'objekt' is not a type"),
        ({"properties": {"a/b": {"type": 3}}}, "#/properties/a~1b/type", "3 is not a type"),
        ({"properties": {"a": {"items": 4}}}, "#/properties/a/items", "not integer"),
        ({"not": {"type": "null"}}, "#/not", "not"),
        ({"items": {"if": {}}}, "#/items/if", "if"),
        (
            {"properties": {"a": {"type": "array", "uniqueItems": True}}},
            "#/properties/a/uniqueItems",
            "uniqueItems",
        ),
        ({"contains": {}}, "#/contains", "contains"),
        ({"minProperties": 1}, "#/minProperties", "minProperties"),
        ({"dependentRequired": {}}, "#/dependentRequired", "dependentRequired"),
        ({"propertyNames": {}}, "#/propertyNames", "propertyNames"),
        ({"unevaluatedProperties": False}, "#/unevaluatedProperties", "unevaluatedProperties"),
        ({"type": "string", "maxLength": 4097}, "#/maxLength", "4096"),
        ({"type": "string", "minLength": -1}, "#/minLength", "-1"),
        ({"type": "array", "maxItems": 100_000}, "#/maxItems", "512"),
        ({"type": "integer", "minimum": "3"}, "#/minimum", "not '3'"),
        ({"type": "integer", "multipleOf": 0}, "#/multipleOf", "greater than 0"),
        ({"type": "integer", "multipleOf": 9973}, "#", "multiples of 9973"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "#", "no value"),
        ({"type": "integer", "minimum": 0.1, "maximum": 0.9}, "#", "no number"),
        ({"type": "integer", "minimum": 1e20}, "#", "15 digits"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "#", "no value"),
        ({"type": "string", "pattern": "^a$", "minLength": 2}, "#", "no string"),
        ({"type": "string", "enum": [1]}, "#", "none of the values"),
        ({"enum": []}, "#/enum", "at least one"),
        ({"enum": list(range(1001))}, "#/enum", "1000"),
        ({"type": "string", "pattern": "("}, "#/pattern", "without its )"),
        ({"type": "string", "pattern": "a)"}, "#/pattern", "without a ("),
        ({"type": "string", "pattern": "*"}, "#/pattern", "nothing before it"),
        ({"type": "string", "pattern": "a**"}, "#/pattern", "after another quantifier"),
        ({"type": "string", "pattern": "[z-a]"}, "#/pattern", "backwards"),
        ({"type": "string", "pattern": "[a"}, "#/pattern", "without its ]"),
        ({"type": "string", "pattern": "a{3,1}"}, "#/pattern", "at least 3 and at most 1"),
        ({"type": "string", "pattern": "(?=a)b"}, "#/pattern", "(?=a"),
        ({"type": "string", "pattern": "(?<!a)b"}, "#/pattern", "(?<!"),
        ({"type": "string", "pattern": "(a)\\1"}, "#/pattern", "\\1"),
        ({"type": "string", "pattern": "\\p{L}"}, "#/pattern", "\\p"),
        ({"type": "string", "pattern": "\\bx"}, "#/pattern", "\\b"),
        ({"type": "string", "pattern": "a^b"}, "#/pattern", "anchor"),
        ({"type": "string", "pattern": "\\x0"}, "#/pattern", "hexadecimal"),
        ({"type": "string", "pattern": "\\"}, "#/pattern", "backslash"),
        ({"type": "string", "pattern": "a{9999}"}, "#/pattern", "3000"),
        ({"type": "string", "pattern": "^[ab]*a[ab]{20}$"}, "#/pattern", "too large"),
        ({"type": "string", "pattern": "(((a{100}){100}){100}){100}"}, "#/pattern", "3000"),
        ({"type": "string", "pattern": "(" * 500 + ")" * 500}, "#/pattern", "deeper"),
        ({"type": "string", "pattern": "^\\x01$"}, "#/pattern", "no text"),
        ({"type": "string", "pattern": "^.{200}$"}, "#", "processor time"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "#/oneOf", "branches 0 and 1"),
        (
            {"oneOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "b$"}]},
            "#/oneOf",
            "may both",
        ),
        ({"oneOf": "x"}, "#/oneOf", "list"),
        ({"anyOf": []}, "#/anyOf", "at least one"),
        ({"anyOf": [False, {"type": "integer", "maximum": 1, "minimum": 2}]}, "#/anyOf/1", "no value"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "#", "no value"),
        ({"$ref": "#"}, "#", "without end"),
        ({"$ref": "#/$defs/none"}, "#/$ref", "not there"),
        ({"$ref": "https://example.org/s"}, "#/$ref", "points into this schema"),
        (
            {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
            "#/$defs/b",
            "without end",
        ),
        ({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}, "#", "no finite value"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "#", "nothing allows it"),
        ({"type": "object", "additionalProperties": False, "required": ["a"]}, "#", "nothing allows it"),
        ({"type": "object", "required": "a"}, "#/required", "list of property names"),
        ({"type": "object", "patternProperties": {"^a": {}, "b$": {}}}, "#", "same names"),
        (
            {"type": "object", "patternProperties": {"^a": {}}, "additionalProperties": True},
            "#/patternProperties",
            "false or absent",
        ),
        ({"type": "array", "items": False, "minItems": 1}, "#", "no room"),
        ({"const": "\ud800"}, "#", "cannot be written as JSON"),
        ({"enum": ["x" * 70_000]}, "#", "65536"),
        ({"properties": {f"p{n}": {} for n in range(600)}, "type": "object"}, "#", "512"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_place_and_reason(schema: Schema, place: str, why: str):
    message = refusal(schema)
    assert message.startswith(f"response_format.json_schema.schema at {place}: "), message
    assert why in message


def test_a_schema_nested_too_deep_is_refused():
    schema: Schema = {"type": "null"}
    for _ in range(500):
        schema = {"items": schema, "type": "array"}
    assert "deeper than 64 levels" in refusal(schema)


def test_references_that_multiply_are_refused_before_they_take_long():
    definitions = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)}
    schema = {"$ref": "#/$defs/a0", "$defs": definitions | {"a30": {"type": "integer"}}}
    began = time.process_time()
    assert "too many schemas" in refusal(schema)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "pattern",
    [
        "(x+x+)+y",
        "(.*a){30}.{9}",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(" + "|".join(f"[{chr(n)}-ÿ]?" for n in range(97, 122)) + "){90}",
        "(a?){900}b",
    ],
)
def test_hostile_patterns_are_read_or_refused_within_two_seconds(pattern: str):
    began = time.process_time()
    try:
        json_grammar({"type": "string", "pattern": pattern})
    except InvalidRequest as refused:
        assert "pattern" in refused.message
    assert time.process_time() - began < 2


# With the real engine


class Batch:
    """The real model, its steps driven by hand."""

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self._requests = 0

    def answer(self, schemas: Sequence[Schema | None], **sampling: Any) -> list[tuple[str, bool]]:
        """The reply to each schema, all in one batch, and whether it came to its end."""
        prompt = (ChatMessage("user", "Give me a good example as JSON."),)
        handles: list[Any] = []
        for schema in schemas:
            request = GenerateRequest(
                "r", "m", prompt, Sampling(response_format=ResponseFormat(schema), **sampling)
            )
            ids = self._model.prompt_tokens(request)
            config = self._model.generation_config(request.sampling, request.sampling.max_tokens or 1)
            self._requests += 1
            config.rng_seed = self._requests
            handles.append(self._model.add(self._requests, ids, config))
        tokens: list[list[int]] = [[] for _ in schemas]
        while self._model.pipeline.has_non_finished_requests():
            self._model.pipeline.step()
            for handle, out in zip(handles, tokens, strict=True):
                while handle.can_read():
                    for output in handle.read().values():
                        out += output.generated_ids
        replies: list[tuple[str, bool]] = []
        for out in tokens:
            ended = bool(out) and out[-1] in self._model.end_tokens
            text = self._model.new_detokenizer()
            replies.append((text.push(out[:-1] if ended else out) + text.finish(), ended))
        return replies


@pytest.fixture(scope="module")
def batch(text_model_path: Path) -> Batch:
    return Batch(TextModel(TextModelConfig(path=text_model_path, name="m", context=2048, kv_cache_gb=1)))


DEEP: Schema = {"type": "integer"}
for _depth in range(12):
    DEEP = {"type": "object", "properties": {f"d{_depth}": DEEP}, "required": [f"d{_depth}"]}

REAL: list[Schema | None] = [
    None,
    {},
    {"type": "object"},
    {"type": "array", "maxItems": 3},
    {"type": "string"},
    {"type": "string", "maxLength": 30},
    {"type": "string", "minLength": 20, "maxLength": 400},
    {"type": "string", "minLength": 1, "maxLength": 4096},
    {"type": "integer"},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    {"type": "integer", "multipleOf": 7, "minimum": 1000},
    {"type": "number", "multipleOf": 0.25, "minimum": 0, "maximum": 9},
    {"type": "boolean"},
    {"type": "null"},
    {"enum": ["red", "green", "bleu é", 'a"b\\c', "日本", "\U000f0000", "\t"]},
    {"const": {"a": [1, None, "é\n"]}},
    {"enum": [f"value number {n}" for n in range(500)]},
    {"type": "string", "pattern": "^[A-Z]{2}-\\d{4}(-[a-z]+)?$"},
    {"type": "string", "pattern": '^["\\\\\\n]{1,5}$'},
    {"type": "string", "pattern": "^[À-ÖØ-öø-ÿ]{3,8}$"},
    {"type": "string", "pattern": "^[一-龥ぁ-ん]{1,6}$"},
    {"type": "string", "pattern": "cat"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "email", "maxLength": 30},
    {"type": "string", "format": "ipv4"},
    {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 6},
        "minItems": 20,
        "maxItems": 20,
    },
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": False, "minItems": 2},
    {"type": "array", "items": {"anyOf": [{"type": "null"}, {"enum": ["x", 1]}]}, "maxItems": 9},
    OPTIONAL,
    OPTIONAL | {"additionalProperties": {"type": "boolean"}},
    {"type": "object", "patternProperties": {"^x_[a-z]{1,5}$": {"type": "integer"}}},
    {
        "type": "object",
        "properties": {'q"\\é\n日': {"type": "null"}, "": {"type": "boolean"}},
        "required": ["", 'q"\\é\n日'],
    },
    {"type": "object", "properties": {f"p{n}": {"type": "boolean"} for n in range(60)}},
    TREE,
    PETS,
    DEEP,
    {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "maxItems": 3}, {"type": "null"}]},
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 40},
            "age": {"type": "integer", "minimum": 0, "maximum": 130},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 4},
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": False,
    },
]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_every_finished_reply_fulfils_its_schema(batch: Batch, temperature: float):
    finished = 0
    for start in range(0, len(REAL), 10):
        some = REAL[start : start + 10]
        replies = batch.answer(some, temperature=temperature, max_tokens=200)
        for schema, (text, ended) in zip(some, replies, strict=True):
            if ended:
                finished += 1
                assert fulfils(json.loads(text), {"type": "object"} if schema is None else schema), (
                    schema,
                    text,
                )
                assert allowed(schema, text), (schema, text)
            else:
                assert "�" not in text.rstrip("�"), (schema, text)
    # What has no bound may go on for ever; what has one must end.
    assert finished >= len(REAL) * 3 // 4


@pytest.mark.parametrize(
    "sampling",
    [
        {"logprobs": True},
        {"top_k": 1},
        {"top_p": 0.01},
        {"min_p": 0.9},
        {"repetition_penalty": 1.5},
        {"ignore_eos": True},
    ],
)
def test_other_ways_of_sampling_do_not_lead_out_of_the_grammar(batch: Batch, sampling: dict[str, Any]):
    schema = {"type": "object", "properties": {"a": {"enum": ["b", "c"]}}, "required": ["a"]}
    ((text, _),) = batch.answer([schema], temperature=1.0, max_tokens=12, **sampling)
    assert text.startswith(('{"a":"b"}', '{"a":"c"}'))


def test_no_random_schema_breaks_a_step(batch: Batch):
    rng = random.Random(20260101)
    schemas: list[Schema] = []
    while len(schemas) < 200:
        schema = recursive_schema(rng) if rng.random() < 0.2 else random_schema(rng)
        try:
            json_grammar(schema)
        except InvalidRequest:
            continue
        schemas.append(schema)
    for start in range(0, 200, 20):
        replies = batch.answer(schemas[start : start + 20], temperature=1.0, max_tokens=1)
        assert all(text or ended for text, ended in replies)


DEAREST: list[Schema] = [
    {"type": "string", "minLength": 11, "maxLength": 4096},
    {"type": "string", "pattern": "^.{44}$"},
    {"type": "string", "pattern": "^[a-z]{190}$"},
    {"enum": [f"{n % 7}{n * 7919}{n:010d}" for n in range(1000)]},
    {"const": "x" * 60_000},
    {"type": "object", "properties": {f"property number {n}": {"type": "integer"} for n in range(500)}},
    {"type": "object", "properties": {f"{n}": {"type": "string", "maxLength": 3 * n} for n in range(1, 200)}},
    {"type": "array", "items": {"type": "string", "maxLength": 100}, "minItems": 500, "maxItems": 512},
    {
        "type": "object",
        "properties": {n * 3: {} for n in "abcdefghijklmnopqrstuvwxyz"},
        "additionalProperties": True,
    },
    {"type": "integer", "multipleOf": 37},
]


@pytest.mark.parametrize("schema", DEAREST, ids=lambda schema: str(schema)[:60])
def test_the_dearest_schemas_compile_in_little_processor_time(batch: Batch, schema: Schema):
    batch.answer([{"const": 1}], temperature=0.0, max_tokens=1)
    began = time.process_time()
    assert len(json_grammar(schema)) <= MAX_GRAMMAR_BYTES
    batch.answer([schema], temperature=0.0, max_tokens=1)
    # Half a second on a machine that does nothing else; its processors share what they have.
    assert time.process_time() - began < 2.0
