"""An edit of the file takes effect while the server runs; a broken one does not."""

import os
from pathlib import Path

import pytest

from causette.plans.book import BrokenPlans
from causette.plans.live_book import LiveBook


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_an_edit_is_seen_within_a_second(tmp_path: Path, ticks: Ticks) -> None:
    file = tmp_path / "plans.toml"
    book = LiveBook(file, now=ticks)
    assert book.current.default_plan == "house"
    file.write_text('default_plan = "free"')
    assert book.current.default_plan == "house"
    ticks.now += 1.0
    assert book.current.default_plan == "free"
    file.unlink()
    ticks.now += 1.0
    assert book.current.default_plan == "house"


def test_a_broken_edit_leaves_the_last_good_plans_until_it_is_mended(tmp_path: Path, ticks: Ticks) -> None:
    file = tmp_path / "plans.toml"
    file.write_text('default_plan = "free"')
    book = LiveBook(file, now=ticks)
    file.write_text("[plan.plus]\nweight = 0")
    ticks.now += 1.0
    assert (book.current.default_plan, book.current.plan("plus").weight) == ("free", 8)
    file.write_text("[plan.plus]\nweight = 5")
    ticks.now += 1.0
    assert (book.current.default_plan, book.current.plan("plus").weight) == ("house", 5)


def test_a_file_that_is_as_it_was_is_not_read_again(tmp_path: Path, ticks: Ticks) -> None:
    file = tmp_path / "plans.toml"
    file.write_text('default_plan = "free"')
    book = LiveBook(file, now=ticks)
    before = book.current
    ticks.now += 5.0
    assert book.current is before
    os.utime(file, ns=(1, 1))
    ticks.now += 5.0
    assert book.current is not before


def test_a_server_does_not_start_on_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text("x")
    with pytest.raises(BrokenPlans):
        LiveBook(tmp_path / "plans.toml")
