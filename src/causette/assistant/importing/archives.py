"""An uploaded archive, read without trust: nothing in it is unpacked to disk, and no name in it is used as a path.

A ZIP's entries are read as streams that end at a bound, whatever the directory says of their size, so a bomb costs no
more than that. Entries that are encrypted, or whose name leads elsewhere, are passed over.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Final

from causette.errors import InvalidRequest

#: What is read of an archive in all, unpacked. A hundred thousand long messages are a tenth of it.
MOST_BYTES: Final = 8 << 30
_MOST_ENTRIES: Final = 200_000
#: Text never packs better than this; a bomb does.
_DENSEST: Final = 400
_SMALL_BYTES: Final = 16 << 20
_ENCRYPTED: Final = 0x1
_CONVERSATIONS: Final = re.compile(r"conversations(-\d+)?\.json")
#: What goes wrong where an archive is damaged.
DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)


class TooMuch(ValueError):
    """More came out of an archive than is read."""


class Archive:
    """The ZIP or JSON file at ``path``, which was called ``name``. Close it.

    Raises:
        InvalidRequest: it is neither, or it is damaged (``unreadable_archive``).
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        self._left = MOST_BYTES
        self._zip: zipfile.ZipFile | None = None
        if zipfile.is_zipfile(path):
            try:
                self._zip = zipfile.ZipFile(path)
            except DAMAGED as error:
                raise unreadable(f"{name} is a damaged ZIP archive: {error}. Download it again.") from None
            if len(self._zip.infolist()) > _MOST_ENTRIES:
                raise unreadable(f"{name} has more than {_MOST_ENTRIES:,} files, and is not read.")

    @property
    def is_zip(self) -> bool:
        """Whether it has entries; otherwise it is one JSON file."""
        return self._zip is not None

    def close(self) -> None:
        """Let go of the file."""
        if self._zip is not None:
            self._zip.close()

    def entries(self) -> Iterator[str]:
        """The names of what can be read, in order."""
        if self._zip is None:
            yield self.name
            return
        for info in self._zip.infolist():
            if not info.is_dir() and _is_plain(info):
                yield info.filename

    def called(self, name: str) -> str | None:
        """The entry with this file name that is least deep, wherever it is; None in a JSON file by itself."""
        return self._named.get(name) if self.is_zip else None

    @cached_property
    def _named(self) -> dict[str, str]:
        deepest_first = sorted(self.entries(), key=lambda entry: (entry.count("/"), entry), reverse=True)
        return {PurePosixPath(entry).name: entry for entry in deepest_first}

    def conversations(self) -> list[str]:
        """The entries with conversations: ``conversations.json``, or its numbered parts in order."""
        if self._zip is None:
            return [self.name]
        found = [entry for entry in self.entries() if _CONVERSATIONS.fullmatch(PurePosixPath(entry).name)]
        if not found:
            return []
        depth = min(entry.count("/") for entry in found)
        return sorted(entry for entry in found if entry.count("/") == depth)

    @contextmanager
    def open(self, entry: str) -> Generator[IO[bytes]]:
        """An entry as a stream, which raises `TooMuch` where it does not end in time."""
        if self._zip is None:
            with self._path.open("rb") as file:
                yield file
            return
        info = self._zip.getinfo(entry)
        with self._zip.open(info) as file:
            yield io.BufferedReader(_Bounded(self, file, info.compress_size))

    def small(self, entry: str) -> bytes:
        """An entry that has to be small, whole.

        Raises:
            TooMuch: it is not.
        """
        with self.open(entry) as file:
            data = file.read(_SMALL_BYTES + 1)
        if len(data) > _SMALL_BYTES:
            raise TooMuch(f"it has more than {_SMALL_BYTES >> 20} MiB")
        return data

    def take(self, size: int, seen: int, packed: int) -> None:
        """Count what came out of an entry: ``seen`` of it so far, from ``packed`` bytes."""
        self._left -= size
        if self._left < 0:
            raise TooMuch(f"the archive unpacks to more than {MOST_BYTES >> 30} GiB")
        if seen > _SMALL_BYTES and seen > packed * _DENSEST:
            raise TooMuch("it unpacks to far more than any text does")


class _Bounded(io.RawIOBase):
    """An entry's bytes, counted as they come."""

    def __init__(self, archive: Archive, file: IO[bytes], packed: int) -> None:
        self._archive = archive
        self._file = file
        self._packed = packed
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        data = self._file.read(len(buffer))
        self._seen += len(data)
        self._archive.take(len(data), self._seen, self._packed)
        buffer[: len(data)] = data
        return len(data)


def _is_plain(info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    return not (info.flag_bits & _ENCRYPTED or path.is_absolute() or ".." in path.parts)


def unreadable(message: str) -> InvalidRequest:
    """The refusal of a file that is no export that is known here."""
    return InvalidRequest(message, code="unreadable_archive", param="file")
