"""A hub's files are held to the hash that the hub itself publishes, and to the recorded one ever after."""

import asyncio
import hashlib
import json
import random

import pytest

from causette.models import ModelFile, PullFailed
from causette.models.hub import Hub

from .conftest import Seen, Shelf, Site, card, one_file, sha256

DATA = random.Random(3).randbytes(700_000)
SOURCE = "hub:maker/toy@main#sub/w.gguf"
RESOLVE = "/maker/toy/resolve/main/sub/w.gguf"
UNPINNED = card(ModelFile(path="toy.gguf", sources=(SOURCE,), pin="on-first-pull"))


def offer(site: Site, data: bytes, digest: str | None = None) -> None:
    """Serve ``data`` as a hub does: a redirect that names the hash, then the bytes from elsewhere."""
    site.redirect(
        RESOLVE, "/cdn/blob?sig=1", X_Linked_Etag=f'"{digest or sha256(data)}"', X_Linked_Size=str(len(data))
    )
    site.put("/cdn/blob", data, etag='"cdn"')


async def test_the_hubs_own_hash_is_taken_at_the_first_pull_and_recorded(shelf: Shelf, site: Site):
    offer(site, DATA)
    models = shelf(UNPINNED)
    assert (await models.pull("toy")).read_bytes() == DATA
    assert models.installed("toy")
    pins = json.loads((models.folder_of("toy").parent / "pins.json").read_text())
    assert pins["toy/toy.gguf"]["sha256"] == sha256(DATA)
    assert pins["toy/toy.gguf"]["source"] == SOURCE


async def test_other_bytes_under_the_same_name_are_refused_ever_after(shelf: Shelf, site: Site):
    offer(site, DATA)
    models = shelf(UNPINNED)
    await models.pull("toy")
    models.remove("toy")
    offer(site, DATA[::-1])
    with pytest.raises(PullFailed, match=f"expected sha256 {sha256(DATA)}"):
        await models.pull("toy")
    assert not models.installed("toy")


async def test_bytes_that_differ_from_the_hubs_hash_are_refused_and_not_recorded(shelf: Shelf, site: Site):
    offer(site, DATA, digest="1" * 64)
    models = shelf(UNPINNED)
    with pytest.raises(PullFailed, match="as the hub says"):
        await models.pull("toy")
    assert not (models.folder_of("toy").parent / "pins.json").exists()
    assert models.size_on_disk("toy") == 0


async def test_a_small_file_is_held_to_its_git_blob_id(shelf: Shelf, site: Site):
    data = b'{"hidden_size": 384}'
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    site.put(RESOLVE, data, etag=f'"{blob}"')
    assert (await shelf(UNPINNED).pull("toy")).read_bytes() == data


async def test_a_small_file_with_another_git_blob_id_is_refused(shelf: Shelf, site: Site):
    site.put(RESOLVE, b"{}", etag=f'"{"2" * 40}"')
    with pytest.raises(PullFailed, match="git blob"):
        await shelf(UNPINNED).pull("toy")


async def test_a_hub_that_names_no_hash_cannot_pin(shelf: Shelf, site: Site):
    site.put(RESOLVE, DATA, etag='"weak"')
    with pytest.raises(PullFailed, match="names no hash"):
        await shelf(UNPINNED).pull("toy")


async def test_a_hash_named_by_the_host_behind_the_redirect_does_not_count(shelf: Shelf, site: Site):
    other = site.url.replace("127.0.0.1", "localhost")
    site.redirect(RESOLVE, f"{other}/cdn/blob")
    site.put("/cdn/blob", DATA, etag=f'"{sha256(DATA)}"')
    with pytest.raises(PullFailed, match="names no hash"):
        await shelf(UNPINNED).pull("toy")


async def test_a_pinned_file_needs_no_word_of_the_hub(shelf: Shelf, site: Site):
    site.put(RESOLVE, DATA, etag=None)
    assert (await shelf(one_file(DATA, SOURCE)).pull("toy")).read_bytes() == DATA


async def test_the_token_goes_to_the_hub_and_nowhere_else(shelf: Shelf, site: Site):
    offer(site, DATA)
    other = site.url.replace("127.0.0.1", "localhost")
    site.redirect(RESOLVE, f"{other}/cdn/blob", X_Linked_Etag=f'"{sha256(DATA)}"')
    await shelf(UNPINNED, hub=Hub(endpoint=site.url, token="hf_secret")).pull("toy")
    assert site.asked(RESOLVE)[0]["Authorization"] == "Bearer hf_secret"
    assert "Authorization" not in site.asked("/cdn/blob")[0]


async def test_a_broken_download_is_taken_up_behind_the_redirect(shelf: Shelf, site: Site):
    offer(site, DATA)
    site.resources["/cdn/blob"].drops = [400_000]
    assert (await shelf(UNPINNED).pull("toy")).read_bytes() == DATA
    assert "Range" in site.asked("/cdn/blob")[1]


async def test_a_partial_of_a_file_that_the_hub_has_replaced_since_is_not_continued(shelf: Shelf, site: Site):
    offer(site, DATA[::-1])
    site.put("/cdn/blob", DATA[::-1], etag=None, pause_at=500_000)
    models = shelf(UNPINNED)
    pulling = asyncio.create_task(models.pull("toy", seen := Seen()))
    await seen.until(250_000)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    offer(site, DATA)
    site.resources["/cdn/blob"].etag = None
    assert (await models.pull("toy")).read_bytes() == DATA
    assert "Range" in site.asked("/cdn/blob")[1]


@pytest.mark.parametrize(("token", "advice"), [(None, "set HF_TOKEN"), ("hf_x", "HF_TOKEN may not read")])
async def test_a_gated_repository_says_what_to_do(shelf: Shelf, site: Site, token: str | None, advice: str):
    site.put(RESOLVE, b"", status=403)
    with pytest.raises(PullFailed, match=advice):
        await shelf(UNPINNED, hub=Hub(endpoint=site.url, token=token)).pull("toy")


async def test_an_offline_hub_is_not_asked(shelf: Shelf, site: Site):
    with pytest.raises(PullFailed, match="HF_HUB_OFFLINE"):
        await shelf(UNPINNED, hub=Hub(endpoint=site.url, offline=True)).pull("toy")
    assert site.requests == []


def test_the_hub_is_the_one_the_environment_names():
    assert Hub.from_environment({}) == Hub("https://huggingface.co", None, offline=False)
    named = Hub.from_environment({"HF_ENDPOINT": "https://mirror/", "HF_TOKEN": "t", "HF_HUB_OFFLINE": "1"})
    assert named == Hub("https://mirror", "t", offline=True)
