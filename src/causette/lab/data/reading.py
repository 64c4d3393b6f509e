"""Streams records, or only texts, out of files: JSON lines (also gzipped), Parquet, and plain text or Markdown.

What a row may look like is in ``causette.lab.data.forms``. A text file is one document as a record, and where only
texts are wanted, pieces of whole lines.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeVar, cast

import msgspec

from causette.errors import InvalidRequest
from causette.lab.data.forms import FIELDS, Form, record_of, texts_in
from causette.lab.data.problems import BadData, Flaw, Place, Problems
from causette.lab.types import Record

#: What happens to rows that cannot be read: all data is refused with them, or they are left out and reported.
BadRows = Literal["refuse", "skip"]

#: Bytes of the longest row, or text file: longer ones are nearly always a file of another kind.
LONGEST: Final = 32 << 20

_JSONL: Final = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_PARQUET: Final = (".parquet",)
_TEXT: Final = (".txt", ".md", ".markdown")
_KNOWN: Final = (*_JSONL, *_PARQUET, *_TEXT)
#: Rows of Parquet that are made Python objects at once.
_ROWS_AT_ONCE: Final = 256
_BLOCK: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"

_T = TypeVar("_T")
#: Reads a row, or tells all that is wrong with it.
_Form = Callable[[object], _T | list[Flaw]]
#: What is found in a file, line by line.
_Read = Iterator[tuple[int, _T | list[Flaw]]]
_Reader = Callable[[Path, int, _Form[_T]], _Read[_T]]


@dataclass(frozen=True, slots=True)
class Row:
    """A record, and where it was read."""

    record: Record
    place: Place


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files to read: those named, and of a folder what is beneath it, in the order of names.

    Of a folder with JSON lines or Parquet the text files are not read: they describe it. Nor is what is hidden.

    Raises:
        InvalidRequest: one is not there, is of another kind, or is a folder without data.
    """
    return [file for path in paths for file in _files(path)]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file, path))
        rows = [file for file in files if file.name.endswith((*_JSONL, *_PARQUET))]
        found = rows or [file for file in files if file.name.endswith(_TEXT)]
        if not found:
            raise InvalidRequest(
                f"{path} has no data: no file that ends in {', '.join(_KNOWN)}", param="sources"
            )
        return found
    if not path.is_file():
        raise InvalidRequest(f"There is no file {path}", param="sources")
    if not path.name.endswith(_KNOWN):
        hint = " (jq -c '.[]' makes lines of a JSON list)" if path.suffix == ".json" else ""
        raise InvalidRequest(
            f"{path} is of no kind that is read: use {', '.join(_KNOWN)}{hint}", param="sources"
        )
    return [path]


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def read(
    paths: Iterable[Path],
    *,
    bad_rows: BadRows = "refuse",
    problems: Problems | None = None,
    longest: int = LONGEST,
    form: Form = record_of,
) -> Iterator[Row]:
    """Stream the records of files and folders, one file after the other.

    Args:
        paths: see `files_of`.
        bad_rows: ``refuse``: after the first that cannot be read nothing more comes, and once all is read, or there are
            as many problems as are told, it raises. ``skip``: go on without them.
        problems: takes in what is wrong; give one to see it after ``skip``.
        longest: bytes of the longest row, and of the longest text file.
        form: what a row is read as: all of a record, or ``prompt_of`` it.

    Raises:
        InvalidRequest: at once, if a file is not there or of another kind.
        BadData: from the iterator; with ``skip`` too when no row at all can be read.
    """
    files = files_of(paths)
    found = _found(
        files, _read_text, form, bad_rows=bad_rows, problems=problems or Problems(), longest=longest
    )
    return (Row(record, place) for place, record in found)


def read_texts(paths: Iterable[Path]) -> Iterator[str]:
    """Stream the texts of files and folders, whoever says them and in whatever order: nothing is taught with them.

    Of a row that is what ``texts_in`` finds. A file of any other name is plain text of any size, and comes in pieces of
    whole lines of about a mebibyte. Files and rows without a text are no mistake.

    Raises:
        BadData: from the iterator, as `read` with ``refuse``.
        InvalidRequest: at once, if a folder has no data.
    """
    files = [file for path in paths for file in (_files(path) if path.is_dir() else [path])]
    found = _found(
        files, _read_pieces, texts_in, bad_rows="refuse", problems=Problems(), longest=LONGEST, empty=True
    )
    return (text for _, texts in found for text in texts)


def _found(
    files: list[Path],
    plain: _Reader[_T],
    form: _Form[_T],
    *,
    bad_rows: BadRows,
    problems: Problems,
    longest: int,
    empty: bool = False,
) -> Iterator[tuple[Place, _T]]:
    """What is read, and where; ``plain`` reads text files, and ``empty`` ones may be."""
    good = False
    for file in files:
        line = None
        for line, found in _read_file(file, plain, longest, form):
            place = Place(str(file), line)
            if not isinstance(found, list):
                good = True
                if not problems.count or bad_rows == "skip":
                    yield place, found
                continue
            problems.add(place, cast("list[Flaw]", found))
            if bad_rows == "refuse" and problems.many:
                raise BadData(problems, and_more=True)
        if line is None and not empty:
            problems.add(Place(str(file), 0), [Flaw("", "is empty")])
    if problems.count and (bad_rows == "refuse" or not good):
        raise BadData(problems)


def _read_file(path: Path, plain: _Reader[_T], longest: int, form: _Form[_T]) -> _Read[_T]:
    reader = plain
    if path.name.endswith(_JSONL):
        reader = _read_jsonl
    elif path.name.endswith(_PARQUET):
        reader = _read_parquet
    try:
        yield from reader(path, longest, form)
    except OSError as error:
        yield 0, [Flaw("", f"cannot be read: {error.strerror or error}")]


def _read_jsonl(path: Path, longest: int, form: _Form[_T]) -> _Read[_T]:
    number = 0
    with _opened(path) as file:
        try:
            for number, line in _lines(file, longest):
                if line is None:
                    yield number, [_too_long(longest)]
                elif row := (line.removeprefix(_BOM) if number == 1 else line).strip():
                    yield number, _decoded(row, form)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield number + 1, [Flaw("", f"is cut short or not gzip: {error}")]


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _lines(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """The lines, numbered from 1; None for one that is too long, of which no more than a block is kept."""
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if len(line) <= longest or line.endswith(b"\n"):
            yield number, line
            continue
        while (rest := file.readline(_BLOCK)) and not rest.endswith(b"\n"):
            pass
        yield number, None


def _too_long(longest: int) -> Flaw:
    return Flaw("", f"has more than {longest:,} bytes, the longest that is read; split it into shorter ones")


def _decoded(row: bytes, form: _Form[_T]) -> _T | list[Flaw]:
    try:
        value = msgspec.json.decode(row)
    except (msgspec.DecodeError, RecursionError) as error:
        return [_why_not(row, error)]
    return form(value)


def _why_not(row: bytes, error: Exception) -> Flaw:
    """What is wrong with a row that is not JSON; the decoder does not always name the cause."""
    try:
        text = row.decode()
    except UnicodeDecodeError as wrong:
        return Flaw("", _not_utf8(wrong))
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError as wrong:
        half = f"\\u{ord(wrong.object[wrong.start]):04x}"
        return Flaw("", f"has half of a surrogate pair, {half}, which is no character; take it out")
    except (ValueError, RecursionError):
        pass
    return Flaw("", f"is not JSON: {error}")


def _not_utf8(error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    return f"is not UTF-8: byte 0x{byte:02x} at {error.start}; save the file as UTF-8"


def _read_text(path: Path, longest: int, form: _Form[_T]) -> _Read[_T]:
    if path.stat().st_size > longest:
        yield 0, [_too_long(longest)]
    elif content := path.read_bytes():
        try:
            text = content.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            yield _line_of(error), [Flaw("", _not_utf8(error))]
        else:
            yield 0, form({"text": text})


def _read_pieces(path: Path, longest: int, form: _Form[_T]) -> _Read[_T]:
    """A text file of any size; what is not UTF-8 ends it."""
    number = 0
    with path.open("rb") as file:
        while lines := file.readlines(_BLOCK):
            piece = b"".join(lines)
            try:
                text = (piece if number else piece.removeprefix(_BOM)).decode()
            except UnicodeDecodeError as error:
                yield number + _line_of(error), [Flaw("", _not_utf8(error))]
                return
            yield number + 1, form({"text": text})
            number += len(lines)


def _line_of(error: UnicodeDecodeError) -> int:
    return error.object.count(b"\n", 0, error.start) + 1


def _read_parquet(path: Path, longest: int, form: _Form[_T]) -> _Read[_T]:
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            columns = [name for name in FIELDS if name in names]
            if not columns:
                yield 0, form(dict.fromkeys(names, ""))
                return
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns):
                for row in _rows_of(batch, longest):
                    number += 1
                    yield number, row if isinstance(row, list) else form(row)
    except arrow.ArrowException as error:
        yield number and number + 1, [Flaw("", f"is not Parquet, or damaged: {error}")]


def _rows_of(batch: Any, longest: int) -> Iterator[Mapping[str, object] | list[Flaw]]:
    """The rows of an Arrow record batch as Python objects."""
    if batch.nbytes <= longest:
        try:
            yield from batch.to_pylist()
        except UnicodeDecodeError as error:
            if batch.num_rows == 1:
                yield [Flaw("", _not_utf8(error))]
                return
        else:
            return
    elif batch.num_rows == 1:
        yield [_too_long(longest)]
        return
    half = batch.num_rows // 2
    yield from _rows_of(batch.slice(0, half), longest)
    yield from _rows_of(batch.slice(half), longest)
