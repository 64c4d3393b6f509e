"""What a stage is given besides its recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from causette.errors import ConfigurationError
from causette.lab.data import HELD_OUT, TRAIN, Prepared
from causette.lab.types import Find

if TYPE_CHECKING:
    from causette.lab.training.place import Place


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """Where a run is carried out."""

    #: The run's own folder.
    folder: Path
    #: The data folder, where the house keeps its own.
    home: Path
    #: Finds models, tokenizers and data by name.
    find: Find
    should_stop: Callable[[], bool] = _never

    @property
    def place(self) -> "Place":
        """Where this process trains."""
        # PyTorch, which the stages that only measure do without.
        from causette.lab.training.place import Place  # noqa: PLC0415

        return Place.here()

    @property
    def artifact(self) -> Path:
        """Where what the stage makes goes."""
        return self.folder / "artifact"

    @property
    def checkpoints(self) -> Path:
        """Where what it is resumed from goes."""
        return self.folder / "checkpoints"

    def data(self, name: str) -> tuple[Prepared, Prepared | None]:
        """Prepared data to train on, and what was held out of it if anything was.

        Raises:
            ConfigurationError: there is none of this name.
        """
        folder = self.find(name) or Path(name).expanduser()
        if not (folder / TRAIN).is_dir():
            raise ConfigurationError(
                f"There is no prepared data {name!r}: name a run of the data stage, or its folder.",
                param="data",
            )
        held_out = Prepared.open(folder / HELD_OUT) if (folder / HELD_OUT).is_dir() else None
        return Prepared.open(folder / TRAIN), held_out
