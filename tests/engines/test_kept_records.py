"""What requests took outlives the engine that knew it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from causette.engines.kept_records import KeptRecords, keep
from causette.engines.types import Completed, Compute, Usage


def took(tokens: int) -> Completed:
    return Completed(Usage(7, 3, tokens), Compute(1_000 * tokens, 5))


def test_what_is_kept_is_found_by_everybody_as_it_was(tmp_path: Path):
    file = tmp_path / "records" / "model.jsonl"
    reader = KeptRecords(file)
    assert reader.find("req_1") is None
    keep(file, {"req_1": took(1), "req_2": took(2)})
    assert reader.find("req_1") == took(1)
    keep(file, {"req_3": took(3)})
    assert [reader.find(f"req_{number}") for number in (1, 2, 3, 4)] == [took(1), took(2), took(3), None]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [it.name for it in file.parent.iterdir()] == ["model.jsonl"]


def test_the_newest_stay_and_an_id_that_is_used_again_means_the_newer_request(tmp_path: Path):
    file = tmp_path / "model.jsonl"
    keep(file, {f"req_{number}": took(number) for number in range(3)}, size=3)
    keep(file, {"req_1": took(10), "req_3": took(3)}, size=3)
    reader = KeptRecords(file)
    assert [reader.find(f"req_{number}") for number in range(4)] == [None, took(10), took(2), took(3)]


def test_a_file_that_was_damaged_tells_what_can_be_read(tmp_path: Path):
    file = tmp_path / "model.jsonl"
    keep(file, {"req_1": took(1), "req_2": took(2)})
    file.write_bytes(b"\xff\x00 no record\n" + file.read_bytes()[:-9])
    reader = KeptRecords(file)
    assert (reader.find("req_1"), reader.find("req_2")) == (took(1), None)


def test_engines_that_end_at_once_lose_nothing_of_each_others(tmp_path: Path):
    file = tmp_path / "model.jsonl"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: keep(file, {f"req_{number}": took(number)}), range(32)))
    reader = KeptRecords(file)
    assert all(reader.find(f"req_{number}") == took(number) for number in range(32))
