"""What was pulled and found to be right: ``pins.json`` in the models folder.

For each file it holds the SHA-256 of the bytes that were put in place. A file of the catalogue whose hash its
publisher keeps (``pin = "on-first-pull"``) is held to the recorded one from its first pull on, so a hub that
later serves other bytes under the same name is refused. Delete an entry to accept new bytes.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from causette.clock import utc_now
from causette.errors import ConfigurationError
from causette.models.disk import locked, settle


class Pin(msgspec.Struct, frozen=True):
    """The bytes of one file: their hash and number, where they came from and when."""

    sha256: str
    size_bytes: int
    source: str
    pulled_at: datetime


class Pins:
    """The pins of a models folder, by ``model/path``. Safe to use from several processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "pins.json"
        self._lock = folder / ".locks" / "pins.lock"

    def get(self, model: str, path: str) -> Pin | None:
        """The pin of a file, if it was ever pulled.

        Raises:
            ConfigurationError: ``pins.json`` was damaged.
        """
        return self._read().get(f"{model}/{path}")

    def record(self, model: str, path: str, sha256: str, size_bytes: int, source: str) -> None:
        """Remember the bytes that were put in place for a file."""
        with locked(self._lock):
            pins = self._read()
            pins[f"{model}/{path}"] = Pin(sha256, size_bytes, source, utc_now())
            fresh = self._file.with_name("pins.json.new")
            fresh.write_bytes(msgspec.json.format(msgspec.json.encode(pins, order="deterministic")) + b"\n")
            settle(fresh, self._file)

    def _read(self) -> dict[str, Pin]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Pin])
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            raise ConfigurationError(
                f"{self._file} is damaged ({error}). Restore it, or delete it to pin anew at the next pull."
            ) from None
