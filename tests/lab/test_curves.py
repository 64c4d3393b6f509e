"""What a run has told, as few points that say as much."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from causette.lab.curves import glance, read_events, thin, told
from causette.lab.runs import Runs
from tests.lab import folders


def step(number: int, **values: float) -> dict[str, object]:
    return {"at": "2026-11-30T12:00:00Z", "step": number, **values}


@given(st.lists(st.floats(-1e6, 1e6), max_size=300), st.integers(4, 60))
def test_of_many_points_the_ends_and_the_extremes_are_kept(values: list[float], most: int) -> None:
    points = list(enumerate(values))
    thinned = thin(points, most)
    assert len(thinned) <= max(most, 0)
    assert set(thinned) <= set(points)
    assert [number for number, _ in thinned] == sorted(number for number, _ in thinned)
    if points:
        assert (thinned[0], thinned[-1]) == (points[0], points[-1])
        assert {min(values), max(values)} <= {value for _, value in thinned}


def test_steps_that_were_taken_again_stand_in_place_of_what_they_were() -> None:
    events = [step(1, loss=3), step(2, loss=2), step(3, loss=9), step(2, loss=1.5), step(3, loss=1)]
    assert told(events).curves == {"loss": [(1, 3), (2, 1.5), (3, 1)]}
    # From where one knows already, only what is new is told.
    assert told(events, after=3).curves == {"loss": [(2, 1.5), (3, 1)]}


def test_what_is_no_figure_is_on_no_curve() -> None:
    events = [step(1, loss=3) | {"held_out_loss": None}, {"at": "2026-11-30T12:00:00Z"}, step(2)]
    assert told(events).curves == {"loss": [(1, 3)]}


def test_a_run_is_read_again_once_it_has_told_more(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.begin("sft", folders.sft("sums"), "one")
    path = runs.events_file("one")
    assert (glance(path).step, glance(path).name) == (None, None)
    folders.tell(runs, "one", iter([folders.figures(1, 1.0)]))
    assert glance(path).step == 1
    folders.tell(runs, "one", iter([folders.figures(2, 1.0)]))
    assert (glance(path).step, glance(path).name) == (2, "loss")
    assert glance(path) is glance(path)


def test_lines_in_which_a_process_died_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"step": 1, "loss": 3}\n{"step": 2, "lo\n7\n{"step": 3, "loss": 1}\n{"st')
    assert [event["step"] for event in read_events(path)] == [1, 3]
    assert read_events(tmp_path / "nothing.jsonl") == []


def test_reading_loads_none_of_the_labs_libraries() -> None:
    asked = "import sys, causette.lab.routes; print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "set()"
