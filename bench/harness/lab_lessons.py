"""What a model learns from preferences, and one from nothing."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from causette.lab.statistics import Estimate, estimate
from causette.lab.tasks import find_task
from harness.lab_rooms import Lab

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_PARAGRAPH: Final = re.compile(r"\n{2,}")
#: Layers, words of the tokenizer, and tokens of a row of what is trained from nothing.
DEPTH: Final = 4
VOCABULARY: Final = 2_048
LENGTH: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """How often the better of two held-out answers is the likelier one, and how often it has become likelier."""

    before: Estimate
    after: Estimate
    margins: Estimate
    steps: int


def prefer(lab: Lab, *, pairs: int, steps: int) -> Preferred:
    """DPO of the default model, as an adapter, on right and wrong sums."""
    sources = lab.file("pairs.jsonl", islice(_pairs(), pairs))
    lab.run("data", "pairs", sources=sources, tokenizer="default", near_duplicates=0, held_out=0.25)
    training: dict[str, Any] = {"steps": steps, "batch": 8, "save_every": 1_000, "evaluate_every": 1_000}
    training["optimizer"] = {"learning_rate": 2e-4}
    _, told = lab.run(
        "prefer", "preferred", model="default", data="pairs", adapter={"rank": 16}, training=training
    )
    count = round(lab.runs.find("pairs").metrics["held_out_records"])
    before, after = (_of_count(value, count) for value in told.of("held_out_preferred"))
    return Preferred(
        before=before, after=after, margins=_of_count(told.of("held_out_accuracy")[-1], count), steps=steps
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """The loss of held-out text in nats a token and in bits a byte, before and after."""

    before: float
    after: float
    bits_a_byte: float
    tokens: float
    tokens_a_second: float
    mfu: float
    parameters: int


def pretrain(lab: Lab, *, steps: int) -> Pretrained:
    """A model of a few layers, from nothing, on this project's own documents."""
    sources = lab.file("texts.jsonl", ({"text": text} for text in _paragraphs()))
    lab.run("tokenizer", "bpe", files=[sources[0]["path"]], vocabulary_size=VOCABULARY)
    lab.run("data", "texts", sources=sources, tokenizer="bpe", held_out=0.1)
    training: dict[str, Any] = {
        "steps": steps,
        "batch": 16,
        "save_every": 10_000,
        "evaluate_every": 10_000,
        "optimizer": {"name": "muon", "learning_rate": 3e-3, "weight_decay": 0.1},
        "schedule": {"warmup": 0.05, "decay": 0.5},
    }
    done, told = lab.run(
        "pretrain",
        "small",
        data="texts",
        tokenizer="bpe",
        length=LENGTH,
        architecture={"depth": DEPTH},
        training=training,
    )
    before, after = told.of("held_out_loss")
    texts = lab.runs.find("texts").metrics
    size = sum(len(text.encode()) for text in _paragraphs())
    # What is removed and held out is as long as the rest.
    bytes_a_token = size / texts["tokens"] * texts["records"] / sum(1 for _ in _paragraphs())
    return Pretrained(
        before=before,
        after=after,
        bits_a_byte=after / math.log(2) / bytes_a_token,
        tokens=done.metrics["tokens"],
        tokens_a_second=done.metrics["tokens"] / done.metrics["seconds"],
        mfu=done.metrics["mfu"],
        parameters=_parameters(Path(done.artifact or "")),
    )


def _pairs() -> Iterator[dict[str, object]]:
    """A sum with its answer, and with one that is off by one, two, ten or twenty."""
    for number, problem in enumerate(find_task("arithmetic-2").problems("train", 5)):
        assert problem.solution is not None
        said, _, answer = problem.solution.rpartition(" ")
        wrong = int(answer) + (1, -2, 10, -20)[number % 4]
        yield {"prompt": problem.prompt[0].content, "chosen": problem.solution, "rejected": f"{said} {wrong}"}


def _paragraphs() -> Iterator[str]:
    for page in sorted(_DOCS.glob("*.md")):
        yield from (text for text in _PARAGRAPH.split(page.read_text("utf-8")) if len(text) > 80)


def _of_count(share: float, count: int) -> Estimate:
    right = round(share * count)
    return estimate([1.0] * right + [0.0] * (count - right))


def _parameters(folder: Path) -> int:
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "numpy") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
