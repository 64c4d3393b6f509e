"""What a run has told of itself, as a chart shows it: a curve for each figure, with no more points than can be seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import msgspec

#: Points of a curve, and of the small one in a list.
MOST_POINTS: Final = 600
SMALL_POINTS: Final = 48
# What a run is about, the first of those that it tells.
_MAIN: Final = ("loss", "reward", "held_out_loss", "held_out_score")
# Runs whose end is kept in memory: a page of a list, and more.
_KEPT: Final = 256

#: Steps with what was measured at them, in order.
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should read."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a run has told after its first ``after`` events."""

    #: By the figure's name, in the order in which they were first told.
    curves: Mapping[str, Points]
    notes: Sequence[Note]
    #: How many events there are, which is what to ask for next.
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A run at a glance."""

    #: The last step that was told, if any was.
    step: int | None
    #: Each figure's last value.
    figures: Mapping[str, float]
    #: The figure that the run is about, and its curve with few points.
    name: str | None
    points: Points


def told(events: Sequence[Mapping[str, Any]], *, after: int = 0, most: int = MOST_POINTS) -> Told:
    """Curves and notes of a run's events from the one with number ``after`` on.

    A resumed run takes its steps after the checkpoint again; what it tells of them stands in place of what it told
    before.
    """
    curves: dict[str, list[tuple[int, float]]] = {}
    notes: list[Note] = []
    for event in events[after:]:
        if "note" in event:
            notes.append(Note(datetime.fromisoformat(event["at"]), str(event["note"])))
            continue
        step = event.get("step")
        if not isinstance(step, int):
            continue
        for name, value in event.items():
            if name in ("at", "step") or not isinstance(value, (int, float)):
                continue
            points = curves.setdefault(name, [])
            while points and points[-1][0] >= step:
                points.pop()
            points.append((step, float(value)))
    thinned = {name: thin(points, most) for name, points in curves.items()}
    return Told(curves=thinned, notes=notes, events=len(events))


def thin(points: Points, most: int) -> Points:
    """Of points no more than ``most`` (4 at least): the ends, and of each stretch between the lowest and the highest.

    No peak is lost, whatever lies between.
    """
    if len(points) <= most:
        return points
    stretches = (most - 2) // 2
    inner = points[1:-1]
    kept: list[tuple[int, float]] = [points[0]]
    for number in range(stretches):
        stretch = inner[len(inner) * number // stretches : len(inner) * (number + 1) // stretches]
        low, high = min(stretch, key=_value), max(stretch, key=_value)
        kept.extend(sorted({low, high}))
    return [*kept, points[-1]]


def glance(path: Path) -> Glance:
    """A run's events at a glance; read again only where the file has changed."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return _of(())
    return _glance(path, state.st_size, state.st_mtime_ns)


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events in a file; lines in which a process died are left out."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [event for line in content.splitlines() if (event := _event(line)) is not None]


@lru_cache(maxsize=_KEPT)
def _glance(path: Path, size: int, changed: int) -> Glance:
    return _of(read_events(path))


def _of(events: Iterable[Mapping[str, Any]]) -> Glance:
    curves = told(list(events), most=SMALL_POINTS).curves
    name = next((each for each in _MAIN if each in curves), None)
    return Glance(
        step=max((points[-1][0] for points in curves.values()), default=None),
        figures={each: points[-1][1] for each, points in curves.items()},
        name=name,
        points=() if name is None else curves[name],
    )


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event: object = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return cast("dict[str, Any]", event) if isinstance(event, dict) else None


def _value(point: tuple[int, float]) -> float:
    return point[1]
