"""Runs say what they are, whatever became of them, and keep to their folder."""

from concurrent.futures import ThreadPoolExecutor
from math import inf, nan
from pathlib import Path
from threading import Barrier

import pytest

from causette.errors import CausetteError, Conflict, InvalidRequest
from causette.lab.runs import Recorded, Runs
from causette.lab.types import Artifact
from tests.lab.listening import Listener


@pytest.mark.parametrize("name", ["../outside", "a/b", "..", ".", "", "-x", "/absolute", "a\0b", "a\n"])
def test_a_run_is_not_called_what_would_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="A run cannot be called"):
        Runs(tmp_path / "runs").begin("sft", {}, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sums", "sums-2", "été", "7b.v1_2"])
def test_a_run_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    runs = Runs(tmp_path / "runs")
    assert runs.begin("sft", {}, name).id == name
    assert runs.find(name).id == name


def test_a_figure_that_is_not_a_number_hides_no_run(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run = runs.begin("sft", {}, "diverged")
    metrics = {"loss": 2.5, "held_out_loss": nan, "held_out_perplexity": inf}
    runs.done(run, Artifact(kind="model", path=tmp_path / "model", metrics=metrics))
    assert [run.metrics for run in runs.list()] == [{"loss": 2.5}]


def test_a_disk_that_is_full_is_named_with_what_was_not_written() -> None:
    full = Recorded(Path("/dev/full"), Listener())
    with pytest.raises(CausetteError, match="could not be written to /dev/full: No space left on device"):
        full.note("Nearly done.")


def test_of_several_that_begin_a_run_one_does(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "runs")
    together = Barrier(4)

    def begins(number: int) -> bool:
        together.wait()
        try:
            runs.begin("sft", {}, f"run-{number}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        for number in range(50):
            assert sum(threads.map(begins, [number] * 4)) == 1


def test_what_its_process_was_killed_in_before_it_was_whole_is_no_run(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.begin("sft", {}, "whole")
    left = tmp_path / ".beginning" / "run_1"
    left.mkdir()
    (left / "run.json").write_bytes((runs.place("whole") / "run.json").read_bytes())
    assert [run.id for run in runs.list()] == ["whole"]


def test_looking_at_a_run_does_not_hold_it(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.begin("sft", {}, "looked-at")

    def looks(_: int) -> str:
        return runs.find("looked-at").status

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(looks, range(2000))) == {"interrupted"}


def test_a_run_can_be_held_while_others_look_at_it(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.begin("sft", {}, "busy")
    held = 0
    with ThreadPoolExecutor(2) as threads:
        looking = [threads.submit(runs.find, "busy") for _ in range(2000)]
        while not all(each.done() for each in looking):
            with runs.held("busy"):
                held += 1
    assert held > 0
