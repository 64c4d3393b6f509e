"""Recipes: a stage's configuration as TOML, every mistake named with its field.

stage = "sft"
model = "smollm2-135m-instruct"
data = "datasets/sums"

[training]
steps = 200
optimizer = { learning_rate = 1e-3 }
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from causette.errors import ConfigurationError


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage or a part of one takes. Fields that are not known are refused, so that none is misspelt."""


C = TypeVar("C", bound=Config)


def read_recipe(path: Path) -> dict[str, Any]:
    """The recipe in the file at ``path``, not checked yet.

    Raises:
        ConfigurationError: it cannot be read, is not TOML, or names no stage.
    """
    try:
        recipe = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The recipe {path} is not TOML: {error}.") from error
    if not isinstance(recipe.get("stage"), str):
        raise ConfigurationError(
            f'The recipe {path} does not say which stage it is for: write stage = "sft".'
        )
    return recipe


def change(recipe: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The recipe with ``changes`` as ``training.steps=10`` has them; values are TOML, or else text.

    Raises:
        ConfigurationError: a change is not of that form, or goes through something that is not a table.
    """
    changed: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(recipe))
    for each in changes:
        name, sign, written = each.partition("=")
        *tables, last = name.strip().split(".")
        if not sign or not last:
            raise ConfigurationError(f"{each!r} changes nothing. Write it as training.steps=10.")
        table = changed
        for key in tables:
            inner: Any = table.setdefault(key, {})
            if not isinstance(inner, dict):
                raise ConfigurationError(f"{each!r} goes through {key}, which is not a table.")
            table = cast("dict[str, Any]", inner)
        table[last] = _value(written.strip())
    return changed


def configured(recipe: Mapping[str, Any], kind: type[C]) -> C:
    """The recipe as what its stage takes.

    Raises:
        ConfigurationError: a field is missing, not known or of the wrong type; it is named.
    """
    fields = {name: value for name, value in recipe.items() if name != "stage"}
    try:
        return msgspec.convert(fields, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        where = place.strip("`").removeprefix("$").removeprefix(".")
        raise ConfigurationError(f"In the recipe{f', {where}' if where else ''}: {reason}.") from error


def written(config: Config) -> dict[str, Any]:
    """A configuration as what JSON and a recipe can hold, defaults included."""
    return msgspec.to_builtins(config, enc_hook=str)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        # Of a run that is resumed from elsewhere it is still the same file.
        return Path(value).expanduser().absolute()
    raise TypeError(f"Expected {kind.__name__}, got {value!r}")
