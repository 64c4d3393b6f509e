"""The command as its owner types it: what it prints, and how it ends."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import causette
from tests.server import StartServer
from tests.waiting import wait_for


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """``causette ARGUMENTS`` to its end, in an environment with ``env`` and no other setting of Causette's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}
    return subprocess.run(
        [sys.executable, "-m", "causette", *arguments],
        env=inherited | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in ("serve", "chat", "models", "keys", "users", "db", "config", "version"):
        assert re.search(rf"\b{command}\b", done.stdout)
    assert "--port" in run("serve", "-h").stdout


def test_the_server_can_begin_to_load_its_model_before_it_has_imported_the_database_and_the_web() -> None:
    """Both take a second or more, which would be added to every start."""
    needed = "import causette.fleet, causette.models, causette.cli.models, causette.observability"
    command = (
        f"import sys\nfrom causette import cli\n{needed}\nsys.argv[1:] = ['serve', '--help']\ncli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", command], capture_output=True, text=True, check=True
    )
    assert "Start Causette" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "causette.fleet" in imported
    assert not imported & {"sqlalchemy", "alembic", "fastapi", "causette.ledger", "causette.cli.chat"}


def test_the_version_is_said_for_people_and_for_machines() -> None:
    assert run("version").stdout == f"causette {causette.__version__}\n"
    assert json.loads(run("version", "--json").stdout) == {"version": causette.__version__}


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("serve", "--prot", "1"),
        ("serve", "--port", "many"),
        ("serve", "--port", "65536"),
        ("config", "extra"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_config_prints_what_is_in_force_and_masks_secrets(tmp_path: Path) -> None:
    (tmp_path / "causette.toml").write_text(
        'port = 9001\nhost = "0.0.0.0"\n'
        '[[engines]]\nname = "big"\nurl = "http://gpu:8000/v1"\napi_key = "sk-do-not-show"\n'
    )
    env = {
        "CAUSETTE_PORT": "9002",
        "CAUSETTE_DATABASE_URL": "postgresql://me:pa55@db/x",
        "CAUSETTE_MAX_RUNNING": "3",
    }
    done = run("config", "--data", str(tmp_path), "--json", **env)
    assert done.returncode == 0
    values = json.loads(done.stdout)
    # A variable wins over the file, the file over the default.
    assert (values["port"], values["host"], values["max_running"]) == (9002, "0.0.0.0", 3)
    assert values["data"] == str(tmp_path)
    assert values["models"] == str(tmp_path / "models")
    assert values["engines"][0]["url"] == "http://gpu:8000/v1"
    table = run("config", "--data", str(tmp_path), **env)
    assert "9002" in table.stdout
    for secret in ("sk-do-not-show", "pa55"):
        assert secret not in done.stdout + table.stdout


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("prot = 8000\n", "prot"),
        ("port = 'many'\n", "port"),
        ("port = \n", "causette.toml"),
        ('[[engines]]\nname = "a"\nurl = "ftp://x"\n', "engines.0.url"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_and_ends_with_1(tmp_path: Path, file: str, named: str) -> None:
    (tmp_path / "causette.toml").write_text(file)
    done = run("config", "--data", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"causette: [^\n]+\n", done.stderr), done.stderr
    assert named in done.stderr


def test_the_openapi_document_is_printed() -> None:
    document = json.loads(run("openapi").stdout)
    assert document["openapi"].startswith("3.")
    assert "/v1/chat/completions" in document["paths"]


def test_serve_says_at_once_that_its_address_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"causette: Cannot listen on 127\.0\.0\.1:\d+: [^\n]+--port\.\n", done.stderr)
    # Nothing was fetched or made.
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_serve_says_that_an_address_is_not_this_machines(tmp_path: Path, host: str) -> None:
    done = run("serve", "--host", host, "--port", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert re.fullmatch(r"causette: Cannot listen on [^\n]+\n", done.stderr)


def test_serve_refuses_a_model_it_cannot_deploy(tmp_path: Path, models_folder: Path) -> None:
    env = {"CAUSETTE_MODELS": str(models_folder)}
    for model, why in (("smollm3", "smollm3"), ("all-minilm-l6-v2", "embedding")):
        done = run("serve", "--port", "0", "--data", str(tmp_path), "--model", model, **env)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("causette: ")
        assert why in line


def test_serve_says_that_the_database_does_not_answer(tmp_path: Path, models_folder: Path) -> None:
    done = run(
        *("serve", "--port", "0", "--data", str(tmp_path)),
        CAUSETTE_MODELS=str(models_folder),
        CAUSETTE_DATABASE_URL="postgresql://me:pa55@127.0.0.1:1/x",
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("causette: The database 127.0.0.1:1/x does not answer")
    assert "pa55" not in line


def test_the_link_that_makes_the_owner_is_printed_until_there_is_one(
    start_server: StartServer, tmp_path: Path, models_folder: Path
) -> None:
    data = tmp_path / "new"
    env = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "causette", "serve", "--port", "0", "--data", str(data)],
        env=env | {"CAUSETTE_MODELS": str(models_folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        greeting = [process.stdout.readline() for _ in range(3)]
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=40)
    assert re.fullmatch(r"Causette \S+ at http://127\.0\.0\.1:\d+\n", greeting[0])
    url = greeting[0].split()[-1]
    assert re.fullmatch(rf"  {re.escape(url)}/setup\?token=[\w-]{{43}}\n", greeting[2])
    assert (process.returncode, rest) == (0, "")
    owned = start_server(wait_until_ready=False)
    wait_for(lambda: owned.out.read_text().endswith("\n"), "the greeting")
    assert "setup" not in owned.out.read_text()
