"""A data folder with a model so small that teaching it takes seconds: runs ``bpe``, ``texts``, ``base``, ``echoes``."""

import hashlib
import json
from pathlib import Path
from typing import Any

from causette.lab.carrying_out import begin, carry_out
from causette.lab.runs import Runs
from causette.models import Catalogue, Models
from causette.models.pins import Pins
from tests.lab.listening import Listener

WORDS = ["tree", "river", "stone", "bird", "cloud", "lamp", "house", "field", "road", "bell"]
#: Teaching it, but for the training.
SMALL: dict[str, Any] = {
    "stage": "sft",
    "model": "base",
    "data": "echoes",
    "length": 64,
    "adapter": {"rank": 2},
}


def said(question: str, answer: str) -> dict[str, Any]:
    """A conversation, as a row."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def small_lab(folder: Path) -> Path:
    """Make it in ``folder``."""
    runs, models = Runs(folder / "runs"), Models(folder / "models", Catalogue.load())

    def run(stage: str, name: str, **recipe: Any) -> None:
        begin(runs, {"stage": stage, **recipe}, name=name)
        carry_out(runs, name, Listener(), models)

    def write(name: str, rows: list[dict[str, Any]]) -> list[dict[str, str]]:
        path = folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return [{"path": str(path), "licence": "CC0-1.0"}]

    texts = [{"text": " ".join(WORDS[start:] + WORDS[:start]) + f" {start}"} for start in range(10)]
    sources = write("texts.jsonl", texts)
    prepared = {"tokenizer": "bpe", "near_duplicates": 0, "held_out": 0}
    run("tokenizer", "bpe", files=[sources[0]["path"]], vocabulary_size=310)
    run("data", "texts", sources=sources, **prepared)
    run(
        "pretrain",
        "base",
        data="texts",
        tokenizer="bpe",
        length=64,
        architecture={"depth": 1},
        training={"steps": 1, "batch": 1},
    )
    echoes = [said(f"Say {first} {second}", first) for first in WORDS for second in WORDS]
    run("data", "echoes", sources=write("echoes.jsonl", echoes), **prepared)
    return folder


def small_model(folder: Path, data: Path, *, context: int = 64) -> None:
    """Have the model ``base`` of the lab in ``folder`` be known to the house in ``data`` as ``small``, in GGUF."""
    runs, models = Runs(folder / "runs"), Models(folder / "models", Catalogue.load())
    if not (runs.place("gguf") / "run.json").is_file():
        begin(runs, {"stage": "export", "model": "base", "quantisation": "F16"}, name="gguf")
        carry_out(runs, "gguf", Listener(), models)
    content = (runs.place("gguf") / "artifact" / "model.gguf").read_bytes()
    place = data / "models" / "small"
    place.mkdir(parents=True)
    (place / "model.gguf").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    (data / "models" / ".locks").mkdir()
    Pins(data / "models").record("small", "model.gguf", sha256, len(content), "a test")
    (data / "catalogue.toml").write_text(f'''
[[model]]
name = "small"
title = "Small"
description = "For tests."
family = "Tests"
architecture = "llama"
kind = "text"
licence = "CC0-1.0"
context = {context}
format = "gguf"
[[model.files]]
path = "model.gguf"
sha256 = "{sha256}"
sources = ["hub:causette/small@0000000000000000000000000000000000000000#model.gguf"]
''')
