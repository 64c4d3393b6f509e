"""``causette lab`` as people type it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from safetensors.torch import load_file

import causette as causette_package

TEXTS = ["tree", "river", "stone", "bird", "cloud", "lamp", "house", "field", "road", "bell"]


def causette(
    *arguments: str, data: Path | None, launch: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    where = [] if data is None else ["--data", str(data)]
    command = [sys.executable, *launch, "-m", "causette", "lab", *arguments, *where]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(filter(None, sys.path))}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, env=environment)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with recipes beside it, and the runs ``bpe`` and ``texts``."""
    folder = tmp_path_factory.mktemp("lab")
    texts = folder / "texts.txt"
    texts.write_text(
        "".join(f"{first} {second} {third}\n" for first in TEXTS for second in TEXTS for third in TEXTS)
    )
    (folder / "tokenizer.toml").write_text(
        f'stage = "tokenizer"\nfiles = ["{texts}"]\nvocabulary_size = 310\n'
    )
    lines = texts.read_text().splitlines()
    rows = [{"text": " ".join(lines[start::50])} for start in range(50)]
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "data.toml").write_text(
        'stage = "data"\ntokenizer = "bpe"\nnear_duplicates = 0\n[[sources]]\n'
        f'path = "{folder / "texts.jsonl"}"\nlicence = "CC0-1.0"\n'
    )
    (folder / "pretrain.toml").write_text(
        'stage = "pretrain"\ndata = "texts"\ntokenizer = "bpe"\nlength = 32\narchitecture = { depth = 1 }\n'
        "[training]\nsteps = 4\nbatch = 2\nsave_every = 2\n"
    )
    for stage, name in (("tokenizer", "bpe"), ("data", "texts")):
        done = causette(stage, str(folder / f"{stage}.toml"), "--name", name, data=folder / "data")
        assert done.returncode == 0, done.stderr
    return folder / "data"


def recipe(data: Path, stage: str) -> str:
    return str(data.parent / f"{stage}.toml")


def test_a_stage_becomes_a_run_that_is_listed_and_shown(data: Path) -> None:
    listed = json.loads(causette("runs", "--json", data=data).stdout)
    assert {(run["id"], run["stage"], run["status"]) for run in listed} >= {
        ("bpe", "tokenizer", "done"),
        ("texts", "data", "done"),
    }
    shown = json.loads(causette("show", "texts", "--json", data=data).stdout)
    assert shown["recipe"]["held_out"] == 0.02
    assert shown["run"]["metrics"]["records"] + shown["run"]["metrics"]["held_out_records"] == 50
    assert "50" in causette("show", "texts", data=data).stdout


def test_processes_of_torchrun_carry_out_one_run(data: Path) -> None:
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = causette(
        "pretrain", recipe(data, "pretrain"), "--name", "shared", "--json", data=data, launch=launch
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # One run, one line, whoever else took part in it.
    assert json.loads(done.stdout)["status"] == "done"
    shown = json.loads(causette("show", "shared", "--json", data=data).stdout)
    assert shown["run"]["status"] == "done"
    # Two processes, two rows of 32 each.
    assert [event["tokens"] for event in shown["events"] if "loss" in event] == [128, 256, 384, 512]
    artifact = Path(shown["run"]["artifact"])
    assert {"config.json", "model.safetensors", "tokenizer.json", "lab.json"} <= {
        path.name for path in artifact.iterdir()
    }
    assert json.loads((artifact / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]


def test_processes_of_torchrun_train_an_adapter(data: Path) -> None:
    chats = data.parent / "chats.jsonl"
    rows = [{"prompt": f"Say {word}", "completion": word} for word in TEXTS]
    chats.write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = data.parent / "chats.toml"
    path.write_text(
        'stage = "data"\ntokenizer = "bpe"\nheld_out = 0\n[[sources]]\n'
        f'path = "{chats}"\nlicence = "CC0-1.0"\n'
    )
    assert causette("data", str(path), "--name", "chats", data=data).returncode == 0
    begun = causette("pretrain", recipe(data, "pretrain"), "--name", "begun", data=data)
    assert begun.returncode == 0, begun.stderr
    path = data.parent / "sft.toml"
    path.write_text(
        'stage = "sft"\nmodel = "begun"\ndata = "chats"\nlength = 64\nadapter = { rank = 2 }\n'
        "[training]\nsteps = 2\nbatch = 1\n"
    )
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = causette("sft", str(path), "--name", "adapter", "--json", data=data, launch=launch)
    assert done.returncode == 0, done.stderr[-3000:]
    weights = load_file(Path(json.loads(done.stdout)["artifact"]) / "adapter_model.safetensors")
    assert weights and all(".lora_" in name and each.any() for name, each in weights.items())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stage_that_takes_no_steps_stops_at_the_first_signal(data: Path, number: signal.Signals) -> None:
    name = f"asked-{number.name}"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        path = data.parent / "evaluate.toml"
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        path.write_text(f'stage = "evaluate"\nurl = "{url}"\ntasks = ["arithmetic-2"]\nproblems = 1\n')
        command = [sys.executable, "-m", "causette", "lab", "evaluate", str(path), "--name", name]
        with subprocess.Popen([*command, "--data", str(data)], stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            process.send_signal(number)
            try:
                assert process.wait(timeout=20) == 130
            finally:
                process.kill()
                connection.close()
    run = json.loads(causette("show", name, "--json", data=data).stdout)["run"]
    assert (run["status"], run["error"]) == ("interrupted", "It was stopped. It can be resumed.")


def test_a_stage_of_one_process_is_refused_to_several(data: Path) -> None:
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    refused = causette("data", recipe(data, "data"), "--name", "twice", data=data, launch=launch)
    assert refused.returncode == 1
    assert "The stage data is one process's; torchrun is for pretrain and sft." in refused.stderr


def test_what_is_wrong_is_one_line_and_a_code(data: Path) -> None:
    wrong = causette("sft", recipe(data, "pretrain"), data=data)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "is for the stage pretrain: run `causette lab pretrain`" in wrong.stderr
    changed = causette("pretrain", recipe(data, "pretrain"), "--set", "training.steps=many", data=data)
    assert changed.returncode == 1
    assert "training.steps: Expected `int`, got `str`" in changed.stderr
    gone = causette("resume", "nobody", data=data)
    assert "There is no run nobody" in gone.stderr
    assert "Traceback" not in wrong.stderr + changed.stderr + gone.stderr


def test_an_error_with_square_brackets_is_shown_as_it_is(data: Path) -> None:
    path = data / "runs" / "bracketed" / "run.json"
    shutil.copytree(data / "runs" / "bpe", path.parent)
    run = json.loads(path.read_text())
    path.write_text(json.dumps(run | {"id": "bracketed", "status": "failed", "error": "[b] [/INST]"}))
    shown = causette("show", "bracketed", data=data)
    assert "failed: [b] [/INST]" in shown.stdout, shown.stderr
    listed = causette("runs", data=data)
    assert listed.returncode == 0 and "bracketed" in listed.stdout, listed.stderr
    shutil.rmtree(path.parent)


def test_an_installation_without_the_lab_says_what_it_lacks(data: Path, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for each in Path(typer.__file__).parents[1].iterdir():
        if each.name not in {"torch", "transformers", "peft", "gguf"}:
            (packages / each.name).symlink_to(each)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{Path(causette_package.__file__).parents[1]}:{packages}",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-m", "causette", "lab", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, env=environment
        )

    where = ("--data", str(data))
    for told in (run("--help"), run("tasks"), run("runs", *where), run("show", "texts", *where)):
        assert told.returncode == 0, told.stderr
    for refused in (run("data", recipe(data, "data"), *where), run("resume", "texts", *where)):
        assert refused.returncode == 1
        assert "The lab needs torch, transformers, peft, gguf" in refused.stderr
        assert "Traceback" not in refused.stderr
    # What is there is read without them.
    assert "is not an evaluation" in run("compare", "bpe", "texts", *where).stderr


def test_tasks_are_told() -> None:
    assert json.loads(causette("tasks", "--json", data=None).stdout).keys() == {
        "arithmetic",
        "bfcl",
        "code",
        "human-eval",
        "instructions",
        "reasoning",
        "safety",
        "tools",
    }
