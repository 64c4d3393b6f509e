"""Checkpoints that are whole or not there at all.

One is written beside its place, brought to the disk and then renamed. Whoever is killed while writing leaves the one
before; one that a broken disk has damaged is passed over for the one before it.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

import torch

from causette.errors import CausetteError
from causette.lab.types import Events

_PATTERN: Final = "step-*.pt"


class Checkpoints:
    """The checkpoints of a run, files in ``folder``; the newest ``keep`` of them stay."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        self._folder = folder
        self._keep = keep

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write what is needed to go on after ``step``.

        Raises:
            CausetteError: the disk is full or refuses; the checkpoints before are untouched.
        """
        path = self._folder / f"step-{step:08}.pt"
        beside = path.with_suffix(".writing")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                torch.save(dict(state), file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _bring_to_disk(self._folder)
        except (OSError, RuntimeError) as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            # PyTorch's writer turns a full disk into a RuntimeError.
            raise CausetteError(
                f"The checkpoint after step {step} could not be written to {self._folder}: {_reason(error)}. "
                "The run can be resumed from the one before, once there is room.",
                code="checkpoint_not_written",
            ) from error
        for old in self.paths()[: -self._keep]:
            old.unlink(missing_ok=True)
        return path

    def paths(self) -> list[Path]:
        """What there is, the oldest first."""
        return sorted(self._folder.glob(_PATTERN))

    def newest(self, events: Events) -> dict[str, Any] | None:
        """The newest checkpoint that can be read; None where there is none."""
        for path in reversed(self.paths()):
            try:
                _check(path)
                return torch.load(path, map_location="cpu", weights_only=True)
            except (OSError, RuntimeError, EOFError, UnpicklingError, BadZipFile) as error:
                events.note(
                    f"The checkpoint {path.name} is damaged ({_reason(error)}): going on from the one before."
                )
        return None


def _check(path: Path) -> None:
    """Compare the sums of the file's parts, which PyTorch writes and does not read."""
    with ZipFile(path) as file:
        if (damaged := file.testzip()) is not None:
            raise BadZipFile(f"{damaged} is not what was written")


def _bring_to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
