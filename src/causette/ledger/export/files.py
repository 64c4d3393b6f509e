"""Rows as files, portion by portion: CSV, or Parquet with exact decimals."""

import csv
import os
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints

from causette.errors import CausetteError, InvalidRequest
from causette.ledger.export.focus import COLUMNS, Row

Format = Literal["csv", "parquet"]

#: Digits of a decimal number in Parquet, and how many of them come after the point.
PRECISION: Final = 38
SCALE: Final = 12


async def write_rows(
    portions: AsyncIterable[Sequence[Row]],
    path: Path,
    kind: Format,
    *,
    progress: Callable[[Sequence[Row]], object] = lambda _: None,
) -> int:
    """Write ``portions`` to the file ``path``, and return how many rows there were.

    The file is there when it is whole, and not before; an older one of the same name is replaced then.

    Raises:
        CausetteError: Parquet is asked for and its library is not installed.
        InvalidRequest: the file cannot be written.
    """
    count = 0
    with whole_file(path) as partial:
        sink = _Parquet(partial) if kind == "parquet" else _Csv(partial)
        try:
            async for rows in portions:
                sink.write(rows)
                count += len(rows)
                progress(rows)
        finally:
            sink.close()
    return count


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """A file beside ``path`` that takes its place at the end, unless something goes wrong.

    Raises:
        InvalidRequest: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror or error}.", param="out") from error
    finally:
        partial.unlink(missing_ok=True)


class _Csv:
    """FOCUS in CSV: numbers in full, instants in UTC to the second, nothing for null."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows(map(_line, rows))

    def close(self) -> None:
        self._file.close()


def _line(row: Row) -> Iterable[str]:
    for field in Row.__struct_fields__:
        value: str | Decimal | datetime | None = getattr(row, field)
        match value:
            case None:
                yield ""
            case Decimal():
                # A point says that the column is of fractions, even where all happen to be whole.
                yield text if "." in (text := f"{value:f}") else f"{text}.0"
            case datetime():
                yield f"{value:%Y-%m-%dT%H:%M:%SZ}"
            case _:
                yield value


class _Parquet:
    """Money and quantities as exact decimals, instants in UTC, a row group a portion."""

    def __init__(self, path: Path) -> None:
        try:
            # An optional dependency, which tells no types.
            self._arrow: Any = import_module("pyarrow")
            parquet: Any = import_module("pyarrow.parquet")
        except ImportError:
            raise CausetteError(
                "Parquet needs a library that is not installed. Install it with: "
                "pip install 'causette[parquet]'. Or choose CSV.",
                code="parquet_missing",
            ) from None
        fields = zip(COLUMNS, get_type_hints(Row).values(), strict=True)
        self._schema = self._arrow.schema([(column, self._type(hint)) for column, hint in fields])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        arrays = [
            self._arrow.array([getattr(row, name) for row in rows], field.type)
            for name, field in zip(Row.__struct_fields__, self._schema, strict=True)
        ]
        self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()

    def _type(self, hint: object) -> object:
        kinds = {hint, *get_args(hint)}
        if Decimal in kinds:
            return self._arrow.decimal128(PRECISION, SCALE)
        return self._arrow.timestamp("us", "UTC") if datetime in kinds else self._arrow.string()
