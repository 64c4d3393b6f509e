"""The text in files, a piece at a time, whatever their size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from causette.errors import InvalidRequest

_PIECE: Final = 1 << 20


class _Said(msgspec.Struct):
    content: str


class _Line(msgspec.Struct):
    text: str = ""
    messages: tuple[_Said, ...] = ()


def texts_of(path: Path) -> Iterator[str]:
    """The ``text`` and the messages' contents of a ``.jsonl`` file, or a plain text in pieces of whole lines.

    Raises:
        InvalidRequest: it cannot be read, or a line is not such a record; the message has its number.
    """
    try:
        if path.suffix == ".jsonl":
            yield from _records(path)
        else:
            with path.open(encoding="utf-8", newline="") as file:
                while lines := file.readlines(_PIECE):
                    yield "".join(lines)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror or error}.", param="files") from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not text in UTF-8: {error}.", param="files") from None


def _records(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError as error:
                raise InvalidRequest(
                    f"{path}, line {number}: {error}. A line is an object with text or messages.",
                    param="files",
                ) from None
            yield from (text for text in (record.text, *(said.content for said in record.messages)) if text)
