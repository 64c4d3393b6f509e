"""From the default model to one that does sums and is served: fine-tuning, reinforcement, evaluation, export."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import msgspec

from causette.lab.comparing import Reply, compared
from causette.lab.evaluating import Result
from causette.lab.statistics import Difference, Estimate
from causette.lab.tasks import find_task
from causette.models.disk import sha256_of
from harness.lab_rooms import DEFAULT, Lab
from harness.systems import House

TASK: Final = "arithmetic-2"
NAME: Final = "sums"
_CATALOGUE: Final = """
[[model]]
name = "{name}"
title = "Sums"
description = "The default model, taught to do sums."
family = "SmolLM2"
architecture = "llama"
kind = "text"
licence = "Apache-2.0"
format = "gguf"
context = 8192

[[model.files]]
path = "model.gguf"
sha256 = "{sha256}"
size_bytes = {size}
sources = ["file:{path}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is learned and asked."""

    examples: int
    sft_steps: int
    grpo_steps: int
    problems: int


WHOLE: Final = Size(examples=4_000, sft_steps=40, grpo_steps=30, problems=300)
QUICK: Final = Size(examples=300, sft_steps=4, grpo_steps=1, problems=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Scores on held-out problems along the road, differences between its stations, and what it took."""

    scores: Mapping[str, Estimate]
    #: From the first of each pair to the second.
    differences: Mapping[tuple[str, str], Difference]
    #: The share of problems to which the served model replied word for word as the one in memory.
    alike: float
    seconds: Mapping[str, float]
    rewards: Sequence[float]


async def travel(lab: Lab, size: Size) -> Road:
    """All of it."""
    seconds: dict[str, float] = {}
    stations = {"before": DEFAULT, "sft": "taught", "grpo": "tried"}
    task = find_task(TASK)
    examples = (
        {"messages": [{"role": "user", "content": each.prompt[0].content}, _says(each.solution)]}
        for each in islice(task.problems("train", 1), size.examples)
    )
    data = {"tokenizer": "default", "near_duplicates": 0}
    lab.run("data", "examples", sources=lab.file("examples.jsonl", examples), **data)

    began = perf_counter()
    # A row holds some five problems: a step learns from ten.
    training: dict[str, Any] = {
        "steps": size.sft_steps,
        "batch": 2,
        "save_every": 1_000,
        "evaluate_every": 1_000,
    }
    training["optimizer"] = {"learning_rate": 1e-4}
    lab.run("sft", "taught", model="default", data="examples", length=256, training=training)
    seconds["sft"] = perf_counter() - began

    began = perf_counter()
    training |= {"steps": size.grpo_steps, "batch": 32, "optimizer": {"learning_rate": 1e-5}}
    training["schedule"] = {"warmup": 0.1, "decay": 0.0}
    group = {"problems": 8, "replies": 8, "tokens": 16}
    _, told = lab.run(
        "reinforce", "tried", model="taught", task=TASK, training=training, group=group, held_out=0
    )
    seconds["grpo"] = perf_counter() - began

    asked: dict[str, Any] = {"tasks": [TASK], "problems": size.problems, "tokens": 24, "batch": 32}
    folders: dict[str, Path] = {}
    for station, model in stations.items():
        done, _ = lab.run("evaluate", f"at-{station}", model=model, **asked)
        folders[station] = Path(done.artifact or "")
    exported, _ = lab.run("export", "exported", model="tried", quantisation="F16")
    folders["served"] = await _served(lab, Path(exported.artifact or "") / "model.gguf", asked)
    pairs = [("before", "sft"), ("sft", "grpo"), ("grpo", "served")]
    return Road(
        scores={station: _score(folder) for station, folder in folders.items()},
        differences={pair: compared(folders[pair[0]], folders[pair[1]]).differences[TASK] for pair in pairs},
        alike=_alike(folders["grpo"], folders["served"]),
        seconds=seconds,
        rewards=told.of("reward"),
    )


async def _served(lab: Lab, weights: Path, asked: Mapping[str, Any]) -> Path:
    """The evaluation of the exported model behind ``causette serve``, over HTTP."""
    house = lab.folder / "house"
    house.mkdir()
    (house / "catalogue.toml").write_text(
        _CATALOGUE.format(name=NAME, sha256=sha256_of(weights), size=weights.stat().st_size, path=weights)
    )
    built = await House.build(house)
    async with built.web_process({"CAUSETTE_MODEL": NAME}) as (_, url):
        os.environ["CAUSETTE_API_KEY"] = built.key
        # It has an event loop of its own.
        done, _ = await asyncio.to_thread(
            lab.run, "evaluate", "at-served", model=NAME, url=f"{url}/v1", **asked
        )
    return Path(done.artifact or "")


class _Results(msgspec.Struct):
    results: list[Result]


def _score(folder: Path) -> Estimate:
    return msgspec.json.decode((folder / "result.json").read_bytes(), type=_Results).results[0].score


def _alike(first: Path, second: Path) -> float:
    ours, theirs = (
        [
            msgspec.json.decode(line, type=Reply).reply
            for line in (each / "replies.jsonl").read_bytes().splitlines()
        ]
        for each in (first, second)
    )
    return sum(a.strip() == b.strip() for a, b in zip(ours, theirs, strict=True)) / len(ours)


def _says(text: str | None) -> dict[str, str]:
    return {"role": "assistant", "content": text or ""}
