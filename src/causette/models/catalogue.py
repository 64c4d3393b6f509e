"""The catalogue: every model Causette knows by name, from its own file and the owner's additions.

An owner's ``catalogue.toml`` in the data folder has the same shape. A model with a new name is added; one
with a name that is known changes only the fields it gives.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from causette.errors import ConfigurationError, NotFound
from causette.models.sources import FileSource, HubSource, is_inner_path, parse_source
from causette.models.types import Language, ModelCard, ModelFile

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHIPPED = "Causette's catalogue.toml"

_Table = dict[str, Any]


class Catalogue:
    """The models there are, by name, in the order of the catalogue."""

    def __init__(self, cards: Iterable[ModelCard]) -> None:
        self._cards = {card.name: card for card in cards}

    @classmethod
    def load(cls, owner_file: Path | None = None) -> "Catalogue":
        """The shipped catalogue with the owner's additions and changes, where ``owner_file`` exists.

        Raises:
            ConfigurationError: a file cannot be read as a catalogue; the message names file, model and field.
        """
        text = resources.files("causette.models").joinpath("catalogue.toml").read_text("utf-8")
        tables = _tables(text, _SHIPPED)
        origins = dict.fromkeys(tables, _SHIPPED)
        if owner_file is not None and owner_file.exists():
            try:
                text = owner_file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{owner_file} cannot be read: {error}") from None
            for name, table in _tables(text, str(owner_file)).items():
                tables[name] = {**tables.get(name, {}), **table}
                origins[name] = str(owner_file)
        return cls(_card(table, origins[name]) for name, table in tables.items())

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """All models."""
        return tuple(self._cards.values())

    def find(self, name: str) -> ModelCard:
        """The model called ``name``.

        Raises:
            NotFound: there is none; the message offers names that are close.
        """
        card = self._cards.get(name)
        if card is not None:
            return card
        close = _near(name.lower(), list(self._cards))
        hint = (
            f"Did you mean {' or '.join(close)}?" if close else "`causette models list` shows what there is."
        )
        raise NotFound(f"There is no model called {name!r} in the catalogue. {hint}", param="model")


def _near(name: str, known: list[str]) -> list[str]:
    """The names that someone who typed ``name`` may have meant: alike as a whole, or beginning alike."""
    beginnings = {candidate[: len(name)]: candidate for candidate in reversed(known)}
    close = [
        *get_close_matches(name, known, n=3, cutoff=0.6),
        *(beginnings[beginning] for beginning in get_close_matches(name, beginnings, n=3, cutoff=0.75)),
    ]
    return list(dict.fromkeys(close))[:3]


def _tables(text: str, origin: str) -> dict[str, _Table]:
    """The raw ``[[model]]`` tables of a catalogue file, by name."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{origin} is not valid TOML: {error}") from None
    unknown = sorted(set(document) - {"model"})
    if unknown:
        raise ConfigurationError(
            f"{origin}: {unknown[0]!r} is unknown; a catalogue holds [[model]] tables only"
        )
    entries: object = document.get("model", [])
    if not isinstance(entries, list):
        raise ConfigurationError(f"{origin}: write [[model]] with two brackets; there can be several")
    tables: dict[str, _Table] = {}
    for number, entry in enumerate(cast("list[object]", entries), start=1):
        table = cast("_Table", entry) if isinstance(entry, Mapping) else {}
        name = table.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{origin}: model number {number}: name: {name!r} is not a name "
                "(lower-case letters, digits, '.', '_' and '-', at most 100)"
            )
        if name in tables:
            raise ConfigurationError(f"{origin}: model {name!r} is there twice")
        tables[name] = table
    return tables


def _card(table: _Table, origin: str) -> ModelCard:
    where = f"{origin}: model {table['name']!r}"
    if said := table.get("description"):
        table = table | {"description": _in_languages(said)}
    try:
        card = msgspec.convert(table, ModelCard)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        field = path.strip(".`")
        raise ConfigurationError(f"{where}: {field + ': ' if field else ''}{problem}") from None
    if not card.files:
        raise ConfigurationError(f"{where}: files: there must be at least one")
    seen: set[str] = set()
    for number, file in enumerate(card.files):
        try:
            _check_file(file)
        except ValueError as error:
            raise ConfigurationError(f"{where}: files[{number}].{error}") from None
        if file.path in seen:
            raise ConfigurationError(f"{where}: files[{number}].path: {file.path!r} is there twice")
        seen.add(file.path)
    return card


def _in_languages(said: object) -> object:
    """A description in every language: what is said in one alone stands for the others."""
    texts: object = {"en": said} if isinstance(said, str) else said
    if not isinstance(texts, Mapping):
        return said
    known = cast("Mapping[str, object]", texts)
    return {**dict.fromkeys(get_args(Language), next(iter(known.values()), "")), **known}


def _check_file(file: ModelFile) -> None:
    """Raise ValueError, beginning with the field's name, for what the types alone do not rule out."""
    if not is_inner_path(file.path) or file.path.startswith("."):
        raise ValueError(f"path: {file.path!r} must be a relative path inside the model's folder")
    if file.size_bytes is not None and file.size_bytes <= 0:
        raise ValueError(f"size_bytes: {file.size_bytes} is not a size")
    if not file.sources:
        raise ValueError("sources: there must be at least one")
    try:
        sources = [parse_source(text) for text in file.sources]
    except ValueError as error:
        raise ValueError(f"sources: {error}") from None
    if file.pin == "catalogue":
        if file.sha256 is None:
            raise ValueError(
                "sha256: missing; give the file's hash, or pin = \"on-first-pull\" for the hub's own"
            )
        if not _SHA256.fullmatch(file.sha256):
            raise ValueError(f"sha256: {file.sha256!r} is not 64 lower-case hexadecimal digits")
    elif file.sha256 is not None:
        raise ValueError(
            'pin: "on-first-pull" is for files without sha256; this one has it, so leave pin out'
        )
    elif not all(isinstance(source, HubSource | FileSource) for source in sources):
        raise ValueError('pin: "on-first-pull" works with hub: and file: sources only; others need a sha256')
