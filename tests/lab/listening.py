"""Listens to a stage."""

from collections.abc import Mapping


class Listener:
    """Events that a test can look at."""

    def __init__(self) -> None:
        self.progressed: list[tuple[int, int | None, str]] = []
        self.measured: list[tuple[int, Mapping[str, float]]] = []
        self.notes: list[str] = []

    def progress(self, done: int, total: int | None, what: str) -> None:
        self.progressed.append((done, total, what))

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self.measured.append((step, values))

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def losses(self) -> dict[int, float]:
        """The last loss that was told of each step."""
        return {step: values["loss"] for step, values in self.measured if "loss" in values}
