"""A file as it is on disk now: an edit takes effect without a restart, a broken one not at all."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, Generic, TypeVar

import structlog

from causette.errors import ConfigurationError

_log = structlog.get_logger("causette.live_file")

# Looking at a file's time costs microseconds, but a request has none to give away.
_LOOKED_AT_EVERY: Final = 1.0

T = TypeVar("T")

_Stamp = tuple[int, int, int] | None


class LiveFile(Generic[T]):
    """What ``read`` makes of ``file``, read again when that has changed.

    Args:
        file: None, or one that is not there, is given to ``read`` all the same.
        read: raises `ConfigurationError` for a broken file.
        called: what it is, for the log.
        now: seconds that only grow.

    Raises:
        ConfigurationError: the file is broken at the start. Later on, a broken file leaves the last good content in
            force, and the log says what is wrong with it.
    """

    def __init__(
        self,
        file: Path | None,
        read: Callable[[Path | None], T],
        *,
        called: str,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._file = file
        self._read = read
        self._called = called
        self._now = now
        self._looked_at = now()
        self._stamp = self._stamp_of_file()
        self._content = read(file)

    @property
    def current(self) -> T:
        """What is in force. Keep what it returns for as long as one piece of work takes."""
        now = self._now()
        if now - self._looked_at >= _LOOKED_AT_EVERY:
            self._looked_at = now
            stamp = self._stamp_of_file()
            if stamp != self._stamp:
                self._stamp = stamp
                self._read_again()
        return self._content

    def _read_again(self) -> None:
        try:
            self._content = self._read(self._file)
        except ConfigurationError as error:
            _log.error(f"{self._called} not changed: the file is broken", problem=error.message)
        else:
            _log.info(f"{self._called} changed", file=str(self._file))

    def _stamp_of_file(self) -> _Stamp:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
