"""The weights of artifacts: one read-only file each, which is what was measured and what is served."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

from causette.errors import CausetteError, InvalidRequest

_MAGIC: Final = b"GGUF"
_READ_ONLY: Final = 0o444


class WeightsChanged(CausetteError):
    """A file of weights is not what was measured; it is served to nobody."""

    status = 409
    default_code = "weights_changed"


def keep(source: Path, place: Path) -> tuple[str, int]:
    """Copy weights to ``place``, where nothing changes them again; their SHA-256 and size in bytes.

    Raises:
        InvalidRequest: it is no GGUF file.
        CausetteError: there is no room for it.
    """
    try:
        with source.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise InvalidRequest(
                    f"{source} is no GGUF file, and the engine serves no other: `causette lab export` writes one.",
                    param="path",
                )
    except OSError as error:
        raise InvalidRequest(f"{source} cannot be read: {error.strerror}.", param="path") from error
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_suffix(".writing")
    try:
        shutil.copyfile(source, beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CausetteError(
            f"The weights could not be written to {place}: {error.strerror}. Make room and try again.",
            code="weights_not_written",
        ) from error
    sha256 = digest(beside)
    beside.chmod(_READ_ONLY)
    beside.replace(place)
    return sha256, place.stat().st_size


def check(path: Path, sha256: str) -> None:
    """Make sure that weights are still those that were measured.

    Raises:
        WeightsChanged: they are not, or they are gone.
    """
    if not path.is_file():
        raise WeightsChanged(
            f"The weights {path} are gone. Put the file back, or register the artifact again."
        )
    if (found := digest(path)) != sha256:
        raise WeightsChanged(
            f"The weights {path} are not those that were measured: their SHA-256 is {found}, not {sha256}."
        )


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
