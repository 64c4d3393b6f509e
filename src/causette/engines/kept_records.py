"""What an engine's requests took, on disk: written once, when its process ends, for whoever still has to settle them.

When the server is killed, its engines end with it, and what they knew would be lost. One JSON object a line, the newest
last; the file is replaced as a whole, so that there is never half of one.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from causette.engines.types import Completed
from causette.engines.wire import WireUsage

# The newest of them: more than are ever in progress, and a few megabytes at most.
_KEPT: Final = 10_000


class _Line(msgspec.Struct):
    id: str
    account: WireUsage


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Line).decode


def keep(file: Path, accounts: Mapping[str, Completed], size: int = _KEPT) -> None:
    """Add ``accounts``, by request id, to those that ``file`` has; the newest ``size`` stay."""
    if not accounts:
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Two engines of one model may end at once, and neither may lose what the other knew.
        fcntl.flock(folder, fcntl.LOCK_EX)
        lines = {key: line for key, line in _lines(file).items() if key not in accounts}
        lines |= {key: _Line(key, WireUsage.account(account)) for key, account in accounts.items()}
        fresh = file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(b"".join(_encode(line) + b"\n" for line in list(lines.values())[-size:]))
        fresh.replace(file)
    finally:
        os.close(folder)


def _lines(file: Path) -> dict[str, _Line]:
    found: dict[str, _Line] = {}
    try:
        content = file.read_bytes()
    except OSError:
        return found
    for text in content.splitlines():
        try:
            line = _decode(text)
        except msgspec.DecodeError:
            continue
        found[line.id] = line
    return found


class KeptRecords:
    """What ``file`` says, read again whenever it was written."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._version: tuple[int, int] | None = None
        self._lines: dict[str, _Line] = {}

    def find(self, request_id: str) -> Completed | None:
        """What a request took; None for one that no engine kept."""
        try:
            status = self._file.stat()
        except OSError:
            return None
        version = status.st_ino, status.st_mtime_ns
        if version != self._version:
            self._lines, self._version = _lines(self._file), version
        line = self._lines.get(request_id)
        return None if line is None else line.account.completed()
