"""Recipes: a stage's configuration as TOML, every mistake named with its field.

stage = "sft"
model = "smollm2-135m-instruct"
data = "datasets/sums"

[training]
steps = 200
optimizer = { learning_rate = 1e-3 }
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from causette.errors import ConfigurationError


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage or a part of one takes. Fields that are not known are refused, so that none is misspelt."""


C = TypeVar("C", bound=Config)

# So many mistakes are told at once.
_TOLD: Final = 20
_NAMED: Final = re.compile(r"Object (contains unknown|missing required) field `(.*)`")
_IS_MISSING: Final = "it is missing"
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def read_recipe(path: Path) -> dict[str, Any]:
    """The recipe in the file at ``path``, not checked yet.

    Raises:
        ConfigurationError: it cannot be read, is not TOML, or names no stage.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"The recipe {path} is not TOML: {error}.") from error
    return parse_recipe(text, f"The recipe {path}")


def parse_recipe(text: str, title: str = "The recipe") -> dict[str, Any]:
    """The recipe in a TOML text, which people know as ``title``, not checked yet.

    Raises:
        ConfigurationError: it is not TOML, or names no stage.
    """
    try:
        recipe = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{title} is not TOML: {error}.", param="recipe") from error
    if not isinstance(recipe.get("stage"), str):
        raise ConfigurationError(
            f'{title} does not say which stage it is for: write stage = "sft".', param="stage"
        )
    return recipe


def as_toml(recipe: Mapping[str, Any]) -> str:
    """A recipe as the TOML that it is read from; what is null is left out, as TOML has no such value."""
    said = {name: value for name, value in recipe.items() if value is not None}
    lines = [f"{_key(name)} = {_inline(value)}" for name, value in said.items() if not _is_table(value)]
    for name, value in said.items():
        if isinstance(value, Mapping) and value:
            table = cast("Mapping[str, Any]", value)
            lines += ["", f"[{_key(name)}]"]
            lines += [f"{_key(inner)} = {_inline(each)}" for inner, each in table.items() if each is not None]
    return "\n".join(lines) + "\n"


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
        ConfigurationError: fields are missing, not known or of the wrong type; each is named, and the first is its
            ``param``.
    """
    fields: dict[str, Any] = msgspec.to_builtins(dict(recipe), enc_hook=str)
    fields.pop("stage", None)
    mistakes: dict[str, str] = {}
    while True:
        try:
            made = msgspec.convert(fields, kind, dec_hook=_path)
        except msgspec.ValidationError as error:
            field, reason = _mistake(str(error))
            mistakes.setdefault(field, reason)
            # Without it, what else is wrong can be seen, until a field is missing.
            if len(mistakes) < _TOLD and _taken_out(fields, field):
                continue
            for missing in _missing(fields, kind):
                mistakes.setdefault(missing, _IS_MISSING)
        else:
            if not mistakes:
                return made
        told = "; ".join(f"{field}: {reason}" if field else reason for field, reason in mistakes.items())
        first = next(iter(mistakes))
        raise ConfigurationError(f"In the recipe{', ' if first else ': '}{told}.", param=first or None)


def written(config: Config) -> dict[str, Any]:
    """A configuration as what JSON and a recipe can hold, defaults included."""
    return msgspec.to_builtins(config, enc_hook=str)


def _mistake(error: str) -> tuple[str, str]:
    """The field that msgspec complains of, as people write it, and what is wrong with it."""
    reason, _, place = error.partition(" - at ")
    field = place.strip("`").removeprefix("$").removeprefix(".")
    if (named := _NAMED.search(reason)) is not None:
        field = f"{field}.{named[2]}" if field else named[2]
        reason = "there is no such field" if named[1] == "contains unknown" else _IS_MISSING
    return field, reason


def _missing(fields: Mapping[str, Any], kind: type[Config], inside: str = "") -> Iterator[str]:
    """The fields that a recipe has to have and has not, those of its tables included."""
    for field in msgspec.structs.fields(kind):
        name, value = f"{inside}{field.name}", fields.get(field.name)
        if field.required and field.name not in fields:
            yield name
        elif isinstance(value, Mapping) and isinstance(field.type, type) and issubclass(field.type, Config):
            yield from _missing(cast("Mapping[str, Any]", value), field.type, f"{name}.")


def _taken_out(fields: dict[str, Any], field: str) -> bool:
    """Take a field out of a recipe; whether it was there."""
    *tables, last = field.split(".")
    table: Any = fields
    for name in tables:
        table = cast("dict[str, Any]", table).get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict) or last not in table:
        return False
    del table[last]
    return True


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value)  # pyright: ignore[reportUnknownArgumentType]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        inner = ", ".join(
            f"{_key(name)} = {_inline(each)}" for name, each in table.items() if each is not None
        )
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_inline(each) for each in cast('Sequence[Any]', value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for the one character that JSON leaves as it is.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


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
