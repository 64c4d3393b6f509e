"""On which line of a TOML file a field is: parsers do not say, and people who look for a slip want to know."""

import re
import tomllib
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART: Final = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")
_SYNTAX_LINE: Final = re.compile(r"\(at line (\d+)")


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line (from 1) of the field at ``path``, or of the nearest table around it; None when there is neither.

    A value that goes on for several lines is found where it begins.
    """
    best: tuple[int, int] | None = None
    here: tuple[str | int, ...] = ()
    arrays: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _HEADER.fullmatch(line)) is not None:
            here = _parts(header[2])
            if header[1] == "[[":
                arrays[here] = arrays.get(here, -1) + 1
                here = (*here, arrays[here])
            at = here
        elif (key := _KEY.match(line)) is not None:
            at = (*here, *_parts(key[1]))
        else:
            continue
        # The first of those that are equally near. A table may be there only as what is inside it.
        near = min(len(at), len(path))
        if at[:near] == path[:near] and (best is None or near > best[0]):
            best = near, number
    return None if best is None else best[1]


def line_of_syntax_error(error: tomllib.TOMLDecodeError) -> int | None:
    """The line that the parser names."""
    found = _SYNTAX_LINE.search(str(error))
    return None if found is None else int(found[1])


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(found[1] or found[2] or found[3] or "" for found in _PART.finditer(dotted))
