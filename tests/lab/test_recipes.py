"""Recipes: read, written, and every mistake in them named."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.errors import ConfigurationError
from causette.lab.recipes import Config, as_toml, configured, parse_recipe

_VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class Inner(Config, frozen=True):
    steps: int
    rate: float = 0.1


class Outer(Config, frozen=True):
    model: str
    training: Inner
    length: int = 8


@given(st.dictionaries(st.text(max_size=8), _VALUES, max_size=5))
def test_a_recipe_is_read_as_it_was_written(recipe: dict[str, Any]) -> None:
    assert tomllib.loads(as_toml(recipe)) == recipe


def test_what_is_null_is_left_out() -> None:
    recipe = {"a": None, "b": {"c": None, "d": [{"e": None, "f": 1}]}}
    assert tomllib.loads(as_toml(recipe)) == {"b": {"d": [{"f": 1}]}}


def test_every_mistake_is_named_with_its_field() -> None:
    recipe = {
        "stage": "sft",
        "modle": "x",
        "length": "long",
        "training": {"steps": 1.5, "rate": "fast", "stpes": 3},
    }
    with pytest.raises(ConfigurationError) as refused:
        configured(recipe, Outer)
    said = refused.value.message.removeprefix("In the recipe, ").removesuffix(".").split("; ")
    assert sorted(said) == [
        "length: Expected `int`, got `str`",
        "model: it is missing",
        "modle: there is no such field",
        "training.rate: Expected `float`, got `str`",
        "training.steps: Expected `int`, got `float`",
        "training.stpes: there is no such field",
    ]
    assert refused.value.param == said[0].partition(":")[0]


def test_a_recipe_without_mistakes_is_what_it_says() -> None:
    recipe = {"stage": "sft", "model": "x", "training": {"steps": 3}}
    assert configured(recipe, Outer) == Outer(model="x", training=Inner(steps=3))
    assert recipe["stage"] == "sft"


@pytest.mark.parametrize(
    ("text", "field"), [("stage =", "recipe"), ("steps = 1", "stage"), ("stage = 1", "stage")]
)
def test_a_text_that_is_no_recipe_says_what_is_missing(text: str, field: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_recipe(text)
    assert refused.value.param == field
