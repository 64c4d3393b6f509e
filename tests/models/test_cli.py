"""``causette models`` as a person and as a program use it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from causette.cli.models import ensure
from causette.errors import NotFound

from .conftest import Shelf, Site, one_file, sha256

DATA = bytes(range(256)) * 4000


def causette(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its own process, as wide as a pipe is."""
    return subprocess.run(
        [sys.executable, "-m", "causette", "models", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")},
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose owner added a model that lies in a file."""
    (tmp_path / "toy.bin").write_bytes(DATA)
    (tmp_path / "catalogue.toml").write_text(
        f"""
        [[model]]
        name = "toy"
        title = "Toy [beta]"
        description = "A toy."
        family = "Toy"
        architecture = "gemma4"
        kind = "text"
        engine = "remote"
        licence = "Apache-2.0"
        format = "gguf"

        [[model.files]]
        path = "toy.gguf"
        sha256 = "{sha256(DATA)}"
        size_bytes = {len(DATA)}
        sources = ["file:{tmp_path}/toy.bin"]
        """
    )
    return tmp_path


def test_the_list_shows_names_sizes_licences_and_which_are_the_defaults(data: Path):
    listed = causette("list", "--data", str(data))
    assert listed.returncode == 0
    lines = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert "98.4 MB" in lines["smollm2-135m-instruct"]
    assert "Apache-2.0" in lines["smollm2-135m-instruct"]
    assert lines["smollm2-135m-instruct"].rstrip().endswith("default")
    assert lines["all-minilm-l6-v2"].rstrip().endswith("embedding")
    assert "remote" in lines["toy"]


def test_pulling_puts_the_model_on_disk_and_the_list_says_so(data: Path):
    pulled = causette("pull", "toy", "--data", str(data), "--json")
    assert pulled.returncode == 0, pulled.stderr
    [entry] = json.loads(pulled.stdout)
    assert Path(entry["path"]).read_bytes() == DATA
    assert "toy: downloading" in pulled.stderr
    rows = {row["name"]: row for row in json.loads(causette("list", "--data", str(data), "--json").stdout)}
    assert rows["toy"]["installed"] is True
    assert rows["smollm2-135m-instruct"]["installed"] is False
    assert rows["smollm2-135m-instruct"]["used_as"] == ["default"]


def test_removing_says_what_was_freed_and_twice_is_an_error(data: Path):
    causette("pull", "toy", "--data", str(data))
    removed = causette("rm", "toy", "--data", str(data), "--json")
    assert json.loads(removed.stdout) == [{"name": "toy", "freed_bytes": len(DATA)}]
    again = causette("rm", "toy", "--data", str(data))
    assert again.returncode == 1
    assert "not on disk" in again.stderr


def test_a_model_is_shown_with_its_hash_its_sources_and_what_can_run_it(data: Path):
    shown = causette("show", "toy", "--data", str(data)).stdout
    assert "Toy [beta] (toy)" in shown
    assert f"sha256 {sha256(DATA)}" in shown
    assert f"file:{data}/toy.bin" in shown
    assert "[[engines]]" in shown
    details = json.loads(causette("show", "default", "--data", str(data), "--json").stdout)
    assert details["model"]["name"] == "smollm2-135m-instruct"
    assert details["installed"] is False


def test_an_unknown_model_is_one_line_on_standard_error_and_exit_code_1(data: Path):
    missing = causette("pull", "tpy", "--data", str(data))
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert "Did you mean toy?" in missing.stderr
    assert len(missing.stderr.splitlines()) == 1


def test_a_failed_pull_lists_its_sources_and_exits_with_1(data: Path):
    (data / "toy.bin").unlink()
    failed = causette("pull", "toy", "--data", str(data))
    assert failed.returncode == 1
    assert f"file:{data}/toy.bin: there is no such file" in failed.stderr


def test_a_wrong_option_exits_with_2(data: Path):
    assert causette("list", "--colour").returncode == 2


async def test_control_c_says_that_the_pull_can_go_on_and_exits_with_130(data: Path, site: Site):
    served = site.put("/w", DATA, pause_at=500_000)
    catalogue = data / "catalogue.toml"
    catalogue.write_text(catalogue.read_text().replace(f"file:{data}/toy.bin", f"url:{site.url}/w"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "causette", "models", "pull", "toy", "--data", str(data)),
        stderr=asyncio.subprocess.PIPE,
    )
    await served.paused.wait()
    process.send_signal(signal.SIGINT)
    _, said = await process.communicate()
    assert process.returncode == 130
    assert "the same command goes on from there" in said.decode()


async def test_ensure_fetches_what_is_missing_and_is_silent_about_the_rest(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    models = shelf(one_file(DATA, f"url:{site.url}/w"))
    first, second = StringIO(), StringIO()
    await ensure(models, ["toy", "toy"], Console(file=first, width=200))
    await ensure(models, ["toy"], Console(file=second, width=200))
    assert models.installed("toy")
    assert first.getvalue().splitlines()[-1] == "toy: done 1.0 MB of 1.0 MB"
    assert second.getvalue() == ""
    assert len(site.requests) == 1


async def test_on_a_terminal_a_pull_draws_a_bar(shelf: Shelf, site: Site):
    site.put("/w", DATA)
    drawn = StringIO()
    console = Console(file=drawn, force_terminal=True, width=120)
    await ensure(shelf(one_file(DATA, f"url:{site.url}/w")), ["toy"], console)
    assert "━" in drawn.getvalue()
    assert "toy" in drawn.getvalue()


async def test_ensure_of_an_unknown_name_fetches_nothing(shelf: Shelf, site: Site):
    with pytest.raises(NotFound):
        await ensure(shelf(one_file(DATA, f"url:{site.url}/w")), ["toy", "tpy"], Console(file=StringIO()))
    assert site.requests == []
