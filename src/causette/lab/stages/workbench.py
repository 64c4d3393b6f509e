"""What a stage is given besides its recipe."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from causette.errors import ConfigurationError
from causette.lab.data import HELD_OUT, TRAIN, Prepared
from causette.lab.models import Find
from causette.lab.training.place import Place


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """Where a run is carried out."""

    #: The run's own folder.
    folder: Path
    #: Finds models, tokenizers and data by name.
    find: Find
    place: Place = field(default_factory=Place.here)
    should_stop: Callable[[], bool] = _never

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
