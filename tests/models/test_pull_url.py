"""A pull over HTTP ends with exactly the catalogue's bytes in place, or with nothing in place and a reason."""

import asyncio
import os
import random
import stat
from pathlib import Path

import pytest

from causette.errors import Conflict, NotFound
from causette.models import Catalogue, Models, PullFailed
from causette.models.types import DiskFull

from .conftest import Seen, Shelf, Site, one_file, sha256

DATA = random.Random(1).randbytes(5_000_000)


async def test_the_file_is_put_in_place_and_the_model_is_installed(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    assert not models.installed("toy")
    assert models.path("toy") is None
    path = await models.pull("toy")
    assert path.read_bytes() == DATA
    assert models.path("toy") == path
    assert [entry.name for entry in models.folder_of("toy").iterdir()] == ["toy.gguf"]


async def test_a_pulled_model_is_not_fetched_again(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    await models.pull("toy")
    await models.pull("toy")
    assert len(site.requests) == 1


async def test_a_dropped_connection_is_taken_up_where_it_broke(shelf: Shelf, site: Site):
    served = site.put("/w", DATA, drops=[2_000_000, 3_500_000])
    path = await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")
    assert path.read_bytes() == DATA
    first, second, third = site.asked("/w")
    assert "Range" not in first
    assert 0 < int(second["Range"][6:-1]) <= 2_000_000 < int(third["Range"][6:-1]) <= 3_500_000
    assert second["If-Range"] == served.etag


async def test_more_drops_than_attempts_are_survived_while_each_brings_something(shelf: Shelf, site: Site):
    site.put("/w", DATA, drops=[n * 400_000 for n in range(1, 12)])
    path = await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")
    assert path.read_bytes() == DATA
    assert len(site.requests) == 12


async def test_a_server_that_ignores_ranges_is_read_from_the_beginning(shelf: Shelf, site: Site):
    site.put("/w", DATA, drops=[2_000_000], ranges=False)
    path = await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")
    assert path.read_bytes() == DATA
    assert "Range" in site.asked("/w")[1]


async def test_a_file_that_changed_between_connections_is_read_from_the_beginning(shelf: Shelf, site: Site):
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    site.put("/w", DATA[::-1], etag='"old"', pause_at=2_000_000)
    pulling = asyncio.create_task(models.pull("toy", seen := Seen()))
    await seen.until(1_000_000)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    site.put("/w", DATA, etag='"new"')
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_a_partial_without_any_validator_that_turns_out_wrong_is_fetched_anew(shelf: Shelf, site: Site):
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    site.put("/w", DATA[::-1], etag=None, pause_at=2_000_000)
    pulling = asyncio.create_task(models.pull("toy", seen := Seen()))
    await seen.until(1_000_000)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    site.put("/w", DATA, etag=None)
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_wrong_bytes_are_deleted_and_both_hashes_and_the_source_are_named(shelf: Shelf, site: Site):
    wrong = DATA[:-1] + bytes([DATA[-1] ^ 1])
    site.put("/w", wrong)
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    with pytest.raises(PullFailed) as failed:
        await models.pull("toy")
    for part in (sha256(DATA), sha256(wrong), f"url:{site.url}/w"):
        assert part in failed.value.message
    assert not models.installed("toy")
    assert models.size_on_disk("toy") == 0


async def test_the_next_source_is_asked_when_one_has_nothing(shelf: Shelf, site: Site):
    site.put("/there", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/gone", f"url:{site.url}/there"))
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_the_next_source_is_asked_when_one_has_the_wrong_bytes(shelf: Shelf, site: Site):
    site.put("/wrong", DATA[::-1])
    site.put("/right", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/wrong", f"url:{site.url}/right"))
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_the_next_source_is_asked_when_one_cannot_be_reached(
    shelf: Shelf, site: Site, unused_port: int
):
    site.put("/there", DATA)
    models = shelf(one_file(DATA, f"url:http://127.0.0.1:{unused_port}/w", f"url:{site.url}/there"))
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_when_every_source_fails_each_is_listed_with_its_cause(
    shelf: Shelf, site: Site, unused_port: int
):
    gone, dead = f"url:{site.url}/gone", f"url:http://127.0.0.1:{unused_port}/w"
    with pytest.raises(PullFailed) as failed:
        await shelf(one_file(DATA, gone, dead, "file:/does/not/exist")).pull("toy")
    lines = failed.value.message.splitlines()
    assert "toy.gguf of toy" in lines[0]
    assert gone in lines[1]
    assert "404" in lines[1]
    assert dead in lines[2]
    assert "cannot be reached" in lines[2]
    assert "file:/does/not/exist: there is no such file" in lines[3]


async def test_passing_server_errors_are_retried(shelf: Shelf, site: Site):
    site.put("/w", DATA, failures=[503, 429])
    assert (await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")).read_bytes() == DATA
    assert len(site.requests) == 3


async def test_lasting_server_errors_are_given_up(shelf: Shelf, site: Site):
    site.put("/w", DATA, failures=[503] * 9)
    with pytest.raises(PullFailed, match="503"):
        await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")
    assert len(site.requests) == 3


async def test_a_file_far_bigger_than_the_catalogue_says_is_refused_before_it_is_read(
    shelf: Shelf, site: Site
):
    site.put("/w", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/w", size=1000))
    with pytest.raises(PullFailed, match="5000000 bytes"):
        await models.pull("toy")
    assert models.size_on_disk("toy") == 0


async def test_a_redirect_is_followed_to_the_letter(shelf: Shelf, site: Site):
    site.redirect("/w", "/elsewhere?signed=%2Fyes")
    site.put("/elsewhere", DATA)
    assert (await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")).read_bytes() == DATA
    assert site.raw_paths == ["/w", "/elsewhere?signed=%2Fyes"]


async def test_redirects_without_end_are_given_up(shelf: Shelf, site: Site):
    site.redirect("/w", "/w")
    with pytest.raises(PullFailed, match="redirects"):
        await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")
    assert len(site.requests) == 6


@pytest.mark.parametrize("target", ["http://192.0.2.1/w", "ftp://127.0.0.1/w", "file:///etc/passwd"])
async def test_a_redirect_to_anything_but_https_is_refused(shelf: Shelf, site: Site, target: str):
    site.redirect("/w", target)
    with pytest.raises(PullFailed, match="is not https"):
        await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")


async def test_progress_tells_the_bytes_of_each_stage_and_the_end(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    seen = Seen()
    await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy", seen)
    assert seen.stages == ["downloading", "done"]
    done = [update[1] for update in seen.updates]
    assert done == sorted(done)
    assert seen.updates[0] == ("toy", 0, len(DATA), "downloading")
    assert seen.updates[-1] == ("toy", len(DATA), len(DATA), "done")


async def test_a_cancelled_pull_keeps_its_bytes_and_shows_nothing_as_installed(shelf: Shelf, site: Site):
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    served = site.put("/w", DATA, pause_at=3_000_000)
    pulling = asyncio.create_task(models.pull("toy", seen := Seen()))
    await seen.until(500_000)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    assert not models.installed("toy")
    assert not (models.folder_of("toy") / "toy.gguf").exists()
    served.go_on.set()
    assert (await models.pull("toy")).read_bytes() == DATA
    assert int(site.asked("/w")[-1]["Range"][6:-1]) >= 500_000


async def test_two_pulls_of_a_model_at_once_make_one_download(shelf: Shelf, site: Site):
    served = site.put("/w", DATA, pause_at=1_000_000)
    one, two, seen = (
        shelf(one_file(DATA, f"url:{site.url}/w")),
        shelf(one_file(DATA, f"url:{site.url}/w")),
        Seen(),
    )
    first = asyncio.create_task(one.pull("toy"))
    await served.paused.wait()
    second = asyncio.create_task(two.pull("toy", seen))
    await seen.until(0)
    served.go_on.set()
    assert await first == await second
    assert seen.stages[0] == "waiting"
    assert len(site.requests) == 1


async def test_bytes_put_in_place_by_hand_are_taken_when_they_are_right(shelf: Shelf, site: Site):
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    models.folder_of("toy").mkdir(parents=True)
    (models.folder_of("toy") / "toy.gguf").write_bytes(DATA)
    assert not models.installed("toy")
    await models.pull("toy")
    assert models.installed("toy")
    assert site.requests == []


async def test_a_truncated_or_missing_file_is_no_longer_installed_and_is_fetched_again(
    shelf: Shelf, site: Site
):
    site.put("/w", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    path = await models.pull("toy")
    os.truncate(path, 10)
    assert not models.installed("toy")
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_a_new_hash_in_the_catalogue_makes_the_old_bytes_not_installed(shelf: Shelf, site: Site):
    site.put("/old", DATA)
    await shelf(one_file(DATA, f"url:{site.url}/old")).pull("toy")
    new = DATA[::-1]
    site.put("/new", new)
    models = shelf(one_file(new, f"url:{site.url}/new"))
    assert not models.installed("toy")
    assert (await models.pull("toy")).read_bytes() == new


async def test_a_file_source_is_copied(shelf: Shelf, tmp_path: Path):
    origin = tmp_path / "mine.gguf"
    origin.write_bytes(DATA)
    path = await shelf(one_file(DATA, f"file:{origin}")).pull("toy")
    assert path.read_bytes() == DATA
    assert origin.read_bytes() == DATA


async def test_a_file_source_with_other_bytes_is_refused(shelf: Shelf, tmp_path: Path):
    origin = tmp_path / "mine.gguf"
    origin.write_bytes(DATA[::-1])
    with pytest.raises(PullFailed, match="expected sha256"):
        await shelf(one_file(DATA, f"file:{origin}")).pull("toy")


async def test_too_little_room_is_said_before_anything_is_fetched(shelf: Shelf, site: Site):
    site.put("/w", b"", headers={"Content-Length": str(10**15)})
    models = shelf(one_file(DATA, f"url:{site.url}/w", size=10**15))
    with pytest.raises(DiskFull) as full:
        await models.pull("toy")
    assert "1,000,000,000.0 MB" in full.value.message
    assert str(models.folder_of("toy")) in full.value.message
    assert full.value.code == "disk_full"


async def test_removing_frees_the_disk_and_the_model_can_be_pulled_again(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    await models.pull("toy")
    assert models.remove("toy") == len(DATA)
    assert not models.folder_of("toy").exists()
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_removing_what_is_not_there_is_not_found(shelf: Shelf):
    with pytest.raises(NotFound, match="not on disk"):
        shelf(one_file(DATA, "file:/x")).remove("toy")


async def test_a_model_that_is_being_pulled_cannot_be_removed(shelf: Shelf, site: Site):
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    served = site.put("/w", DATA, pause_at=1_000_000)
    pulling = asyncio.create_task(models.pull("toy", seen := Seen()))
    await seen.until(500_000)
    with pytest.raises(Conflict, match="being pulled"):
        models.remove("toy")
    served.go_on.set()
    assert (await pulling).read_bytes() == DATA


async def test_files_are_readable_and_not_executable(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    path = await shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy")
    assert stat.S_IMODE(path.stat().st_mode) & 0o133 == 0


def test_an_alias_is_resolved(tmp_path: Path):
    models = Models(tmp_path, Catalogue([one_file(DATA, "file:/x")]), resolve={"default": "toy"}.__getitem__)
    assert models.show("default").name == "toy"
    assert models.folder_of("default") == tmp_path / "toy"
