"""What is refused, flagged or let through: the shipped policy, and what the owner's ``policy.toml`` changes of it.

An owner's file has the same shape as the shipped one. A category with a new name is added; of one that is known, only
the fields that are given change.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast, get_args

import msgspec

from causette.errors import ConfigurationError
from causette.safety import secrets
from causette.safety.phrases import Phrases
from causette.safety.types import Action, Surface

_SHIPPED: Final = "Causette's policy.toml"
_SURFACES: Final[tuple[Surface, ...]] = get_args(Surface)

_Table = dict[str, Any]


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of content and what to do about it."""

    action: Action
    phrases: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    surfaces: frozenset[Surface] = frozenset(_SURFACES)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy ready for use."""

    max_chars: int
    categories: Mapping[str, Category]
    phrases: Phrases

    def categories_of(self, text: str) -> set[str]:
        """The categories that ``text`` falls under, whatever their action."""
        found = self.phrases.found_in(text)
        found.update(
            name
            for name, category in self.categories.items()
            if category.secrets and secrets.secrets_in(text, category.secrets)
        )
        return found


def read_policy(owner_file: Path | None = None) -> Policy:
    """The shipped policy with the owner's changes, where ``owner_file`` exists.

    Raises:
        ConfigurationError: a file cannot be read as a policy; the message names file, category and field.
    """
    text = resources.files("causette.safety").joinpath("policy.toml").read_text("utf-8")
    document, origin = _document(text, _SHIPPED), _SHIPPED
    if owner_file is not None and owner_file.exists():
        origin = str(owner_file)
        try:
            changes = _document(owner_file.read_text("utf-8"), origin)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{origin} cannot be read: {error}") from None
        kinds = document["categories"]
        for name, table in changes.pop("categories").items():
            kinds[name] = {**kinds.get(name, {}), **table}
        document |= changes
    categories = {name: _category(name, table, origin) for name, table in document["categories"].items()}
    most = document.get("max_chars")
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ConfigurationError(f"{origin}: max_chars: {most!r} is not a positive whole number")
    return Policy(most, categories, _phrases(categories, origin))


def _document(text: str, origin: str) -> _Table:
    """The file's tables, with a table of tables under ``categories`` for certain."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{origin} is not valid TOML: {error}") from None
    unknown = sorted(set(document) - {"max_chars", "categories"})
    if unknown:
        raise ConfigurationError(
            f"{origin}: {unknown[0]!r} is unknown; a policy has max_chars and [categories.NAME] tables"
        )
    categories: object = document.setdefault("categories", {})
    if not isinstance(categories, dict):
        raise ConfigurationError(f"{origin}: categories: write [categories.NAME] tables")
    for name, table in cast("dict[str, object]", categories).items():
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{origin}: categories.{name}: write it as a table, [categories.{name!r}]; "
                "a name with a slash needs quotes"
            )
    return document


def _category(name: str, table: _Table, origin: str) -> Category:
    where = f"{origin}: category {name!r}"
    try:
        category = msgspec.convert(table, Category)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        field = path.strip(".`")
        raise ConfigurationError(f"{where}: {field + ': ' if field else ''}{problem}") from None
    if unknown := sorted(category.secrets - set(secrets.KINDS)):
        raise ConfigurationError(
            f"{where}: secrets: {unknown[0]!r} is unknown. There is: {', '.join(secrets.KINDS)}."
        )
    return category


def _phrases(categories: Mapping[str, Category], origin: str) -> Phrases:
    pairs: list[tuple[str, str]] = []
    for name, category in categories.items():
        if category.action == "allow":
            continue
        for phrase in category.phrases:
            try:
                Phrases([(name, phrase)])
            except ValueError as error:
                raise ConfigurationError(f"{origin}: category {name!r}: phrases: {error}") from None
            pairs.append((name, phrase))
    return Phrases(pairs)
