"""A lab of a benchmark's own: its runs, and the data that they learn from."""

import asyncio
import json
import os
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from causette.lab.carrying_out import begin, carry_out
from causette.lab.runs import Run, Runs
from causette.models import Catalogue, Models
from causette.settings import Settings
from harness.workers import BenchError

#: The model that training begins with.
DEFAULT = "smollm2-135m-instruct"
#: What a server looks for knowledge with: it does not start without.
_ENCODER = Settings().embedding_model


class Told:
    """Events of a run: what was measured, in order."""

    def __init__(self) -> None:
        self.measured: list[tuple[int, Mapping[str, float]]] = []

    def progress(self, done: int, total: int | None, what: str) -> None:
        """Nobody watches."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Keep them."""
        self.measured.append((step, dict(values)))

    def note(self, text: str) -> None:
        """Nobody reads."""

    def of(self, name: str) -> list[float]:
        """A figure, each time that it was told."""
        return [values[name] for _, values in self.measured if name in values]


@dataclass(frozen=True, slots=True)
class Lab:
    """Runs in a folder, with the default model on disk."""

    folder: Path
    runs: Runs
    models: Models

    def run(self, stage: str, name: str, **recipe: Any) -> tuple[Run, Told]:
        """Carry out a stage.

        Raises:
            BenchError: it made nothing.
        """
        told = Told()
        begin(self.runs, {"stage": stage, **recipe}, name=name)
        done = carry_out(self.runs, name, told, self.models)
        if done.artifact is None:
            raise BenchError(f"The stage {stage} made nothing.")
        return done, told

    def file(self, name: str, records: Iterable[Mapping[str, object]]) -> list[dict[str, str]]:
        """Records in a file, as a recipe of the data stage names it."""
        path = self.folder / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return [{"path": str(path), "licence": "CC0-1.0"}]


@contextmanager
def lab() -> Generator[Lab]:
    """A lab that is gone afterwards; its models are those of the tests."""
    cached = os.environ.get("CAUSETTE_TEST_MODELS") or user_cache_path("causette-tests") / "models"
    aliases = {"default": DEFAULT}
    models = Models(Path(cached), Catalogue.load(), resolve=lambda name: aliases.get(name, name))
    for name in (DEFAULT, _ENCODER):
        asyncio.run(models.pull(name))
    with tempfile.TemporaryDirectory(prefix="causette-bench-") as folder:
        yield Lab(Path(folder), Runs(Path(folder) / "runs"), models)
