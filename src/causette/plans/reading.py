"""Reads tables of a configuration file strictly, and says of each slip where it is and what would be right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, cast

from causette.plans.toml_lines import line_of

_KINDS: Final[dict[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    str: "text in quotes",
    dict: "a table",
    list: "a list in brackets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One slip: in which file, on which line (None when it cannot be told), in which field, and what to do."""

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


@dataclass(slots=True)
class Problems:
    """The slips found so far, and the files in which a field may have been written: the last one that has it."""

    texts: Mapping[str, str]
    found: list[Problem] = field(default_factory=list[Problem])

    def add(self, path: tuple[str | int, ...], message: str) -> None:
        """Note a slip in the field at ``path``."""
        file, line = next(iter(self.texts)), None
        for name, text in self.texts.items():
            if (at := line_of(text, path)) is not None:
                file, line = name, at
        self.found.append(Problem(file=file, line=line, field=written(path), message=message))


def written(path: Iterable[str | int]) -> str:
    """A path as people write it: ``plan.plus.prices[0].monthly``."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


class TableReader:
    """One table. Each reading method takes a key's value, or notes a problem and gives the default."""

    def __init__(self, table: object, path: tuple[str | int, ...], problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._known: list[str] = []
        if not isinstance(table, dict):
            problems.add(path, f"{_value(table)} is not a table; write {{ key = value }}")
            table = {}
        self._table = cast("dict[str, Any]", table)

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def problem(self, key: str | None, message: str) -> None:
        """Note a problem with ``key``, or with the table itself."""
        self.problems.add(self.path if key is None else (*self.path, key), message)

    def raw(self, key: str) -> Any:
        """The value as it is; None when there is none."""
        self._known.append(key)
        return self._table.get(key)

    def text(self, key: str, default: str) -> str:
        """Text that is not empty."""
        value = self._of_kind(key, str)
        if value == "":
            self.problem(key, "it is empty")
        return value if value else default

    def flag(self, key: str, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self._of_kind(key, bool)
        return default if value is None else value

    def number(self, key: str, *, least: int) -> int | None:
        """A whole number of at least ``least``; None when there is none."""
        value = self._of_kind(key, int)
        if value is not None and not least <= value < 2**53:
            self.problem(key, f"{value} is not {least} or more" if value < least else f"{value} is too large")
            return None
        return value

    def choice(self, key: str, of: tuple[str, ...], default: str) -> str:
        """One word of ``of``."""
        value = self._of_kind(key, str)
        if value is not None and value not in of:
            self.problem(key, f"{value!r} is not one of {', '.join(of)}{_meant(value, of)}")
            return default
        return default if value is None else value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found: list[str] = []
        for number, item in enumerate(self._of_kind(key, list) or []):
            if isinstance(item, str) and item:
                found.append(item)
            else:
                self.problems.add((*self.path, key, number), f"{_value(item)} is not text in quotes")
        return tuple(found)

    def tables(self, key: str) -> tuple["TableReader", ...]:
        """A list of tables."""
        items: list[object] = self._of_kind(key, list) or []
        return tuple(
            TableReader(item, (*self.path, key, number), self.problems) for number, item in enumerate(items)
        )

    def table(self, key: str) -> "TableReader":
        """A table inside this one; empty when there is none."""
        value = self.raw(key)
        return TableReader({} if value is None else value, (*self.path, key), self.problems)

    def entries(self, key: str) -> dict[str, "TableReader"]:
        """Named tables inside a table, in the order of the file."""
        inside = self.table(key)
        return {
            name: TableReader(value, (*inside.path, name), self.problems)
            for name, value in inside._table.items()
        }

    def nothing_else(self) -> None:
        """Note every key that was not asked for."""
        for key in self._table:
            if key not in self._known:
                known = ", ".join(dict.fromkeys(self._known))
                near = get_close_matches(key, self._known, n=1)
                self.problem(
                    key,
                    f"there is no such key. {f'Did you mean {near[0]!r}?' if near else f'Known: {known}.'}",
                )

    def _of_kind(self, key: str, kind: type) -> Any:
        value = self.raw(key)
        # To Python, true is a number as well.
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            self.problem(key, f"{_value(value)} is not {_KINDS[kind]}")
            return None
        return value


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
