"""What other processes, full disks and SIGKILL do to a pull: nothing half-done is ever taken for a model."""

import asyncio
import random
import resource
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from .conftest import Shelf, Site, one_file, sha256, wheel

DATA = random.Random(4).randbytes(6_000_000)

#: Pulls the model that the arguments describe; ends with 0, or with 3 and the message on standard output.
PULL = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from causette.errors import CausetteError
    from causette.models import Catalogue, ModelCard, ModelFile, Models
    from causette.models.pip_config import IndexConfig
    folder, index, source, digest, size = sys.argv[1:]
    file = ModelFile(path="toy.gguf", sources=(source,), sha256=digest, size_bytes=int(size))
    card = ModelCard(
        name="toy", title="Toy", description="A toy.", family="Toy", architecture="llama", kind="text",
        licence="Apache-2.0", format="gguf", files=(file,),
    )
    models = Models(Path(folder), Catalogue([card]), index=IndexConfig(indexes=(index,)))
    try:
        asyncio.run(models.pull("toy"))
    except CausetteError as error:
        print(error.code, error.message)
        raise SystemExit(3)
    """
)


async def start(
    folder: Path, site: Site, source: str, *, file_limit: int | None = None
) -> asyncio.subprocess.Process:
    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-c",
            PULL,
            str(folder),
            f"{site.url}/simple",
            source,
            sha256(DATA),
            str(len(DATA)),
        ),
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=limit,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def partial_bytes(folder: Path, at_least: int) -> None:
    """Wait until an unfinished download in ``folder`` has so many bytes."""
    while sum(part.stat().st_size for part in folder.rglob("*.part")) < at_least:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["url", "package"])
async def test_a_pull_killed_midway_leaves_no_model_and_the_next_goes_on(
    shelf: Shelf, site: Site, tmp_path: Path, kind: str
):
    if kind == "url":
        source, asked = f"url:{site.url}/w", "/w"
        served = site.put("/w", DATA, pause_at=4_000_000)
    else:
        source, name = "package:toy==1#w", "toy-1-py3-none-any.whl"
        asked = f"/files/{name}"
        site.index_html("toy", {name: wheel({"w": DATA})})
        served = site.resources[asked]
        served.pause_at = 4_000_000
        site.everything.append(served)
    models = shelf(one_file(DATA, source))
    process = await start(tmp_path / "models", site, source)
    await partial_bytes(tmp_path / "models", 3_000_000)
    process.send_signal(signal.SIGKILL)
    assert (await ended(process))[0] == -signal.SIGKILL
    assert not models.installed("toy")
    assert models.path("toy") is None
    served.go_on.set()
    assert (await models.pull("toy")).read_bytes() == DATA
    assert int(site.asked(asked)[1]["Range"][6:-1]) >= 3_000_000


async def test_an_interrupted_pull_keeps_its_bytes(shelf: Shelf, site: Site, tmp_path: Path):
    served = site.put("/w", DATA, pause_at=4_000_000)
    process = await start(tmp_path / "models", site, f"url:{site.url}/w")
    await partial_bytes(tmp_path / "models", 3_000_000)
    process.send_signal(signal.SIGINT)
    code, _ = await ended(process)
    assert code != 0
    served.go_on.set()
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    assert not models.installed("toy")
    assert (await models.pull("toy")).read_bytes() == DATA
    assert "Range" in site.asked("/w")[1]


async def test_two_processes_that_pull_at_once_make_one_download(shelf: Shelf, site: Site, tmp_path: Path):
    served = site.put("/w", DATA, pause_at=2_000_000)
    processes = [await start(tmp_path / "models", site, f"url:{site.url}/w") for _ in range(2)]
    await partial_bytes(tmp_path / "models", 1_000_000)
    served.go_on.set()
    assert [await ended(process) for process in processes] == [(0, ""), (0, "")]
    assert len(site.asked("/w")) == 1
    assert shelf(one_file(DATA, f"url:{site.url}/w")).installed("toy")


async def test_the_lock_of_a_killed_process_holds_nobody_up(shelf: Shelf, site: Site, tmp_path: Path):
    served = site.put("/w", DATA, pause_at=2_000_000)
    process = await start(tmp_path / "models", site, f"url:{site.url}/w")
    await partial_bytes(tmp_path / "models", 1_000_000)
    waiting = asyncio.create_task(shelf(one_file(DATA, f"url:{site.url}/w")).pull("toy"))
    process.send_signal(signal.SIGKILL)
    await ended(process)
    served.go_on.set()
    assert (await waiting).read_bytes() == DATA


@pytest.mark.parametrize("kind", ["url", "package"])
async def test_a_disk_that_fills_midway_says_what_is_missing_where_and_keeps_what_fitted(
    shelf: Shelf, site: Site, tmp_path: Path, kind: str
):
    source = f"url:{site.url}/w" if kind == "url" else "package:toy==1#w"
    site.put("/w", DATA)
    site.index_html("toy", {"toy-1-py3-none-any.whl": wheel({"w": DATA})})
    process = await start(tmp_path / "models", site, source, file_limit=2_500_000)
    code, output = await ended(process)
    assert code == 3
    assert output.startswith("disk_full ")
    assert "3.5 MB more are needed" in output
    assert str(tmp_path / "models" / "toy") in output
    models = shelf(one_file(DATA, source))
    assert not models.installed("toy")
    assert (await models.pull("toy")).read_bytes() == DATA
