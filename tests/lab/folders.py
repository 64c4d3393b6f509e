"""Runs as the lab leaves them, made in moments: for tests of what shows them.

``python -m tests.lab.folders DATA`` makes them in a data folder and says so, then lets the run ``live`` tell a step
every so often until its standard input is closed.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from math import exp, sin
from pathlib import Path
from select import select
from typing import Any

from causette.clock import utc_now
from causette.lab.comparing import DOCUMENTS, REPLIES, RESULT
from causette.lab.runs import Recorded, Run, Runs
from causette.lab.types import Artifact, ArtifactKind
from tests.lab.listening import Listener

#: Steps of a run that is done.
STEPS = 120
#: Problems of a task of an evaluation, and documents of its texts.
PROBLEMS = 60
DOCUMENTS_READ = 60

_TRAINING = {
    "batch": 2,
    "save_every": 20,
    "optimizer": {"name": "adamw", "learning_rate": 0.0001, "clip": 1.0},
}
_STEP_SECONDS = 0.4


def fill(runs: Runs) -> None:
    """Make data, runs that learn from it, evaluations of them, and one that failed."""
    data = {"sources": [{"path": "/data/sums.jsonl", "licence": "CC0-1.0"}], "tokenizer": "default"}
    done(runs, "data", "sums", data, "dataset", {"records": 3920, "held_out_records": 80, "tokens": 154210})
    for name, rate in (("taught", 1.0), ("taught-slowly", 0.45)):
        begun = runs.begin("sft", sft("sums"), name)
        tell(runs, name, (figures(step, rate) for step in range(STEPS + 1)), "Resuming after step 60.")
        last = figures(STEPS, rate)
        del last["step"]
        runs.done(
            begun,
            Artifact(kind="model", path=runs.place(name) / "artifact", metrics=last | {"seconds": 192.4}),
        )
    read(evaluation(runs, "before", "default", right=5), {"en": 0.9, "fr": 1.4})
    read(evaluation(runs, "after", "taught", right=2), {"en": 0.7, "fr": 1.4})
    read(evaluation(runs, "short", "taught", right=2, problems=20), {"en": 0.7}, documents=20)
    failed = runs.begin("sft", sft("thumbs"), "broken")
    runs.ended(
        failed, "failed", "The data thumbs has no conversations: it has labelled. `prefer` learns from those."
    )
    stopped = runs.begin("sft", sft("sums"), "stopped")
    tell(runs, "stopped", (figures(step, 0.8) for step in range(50)))
    runs.ended(stopped, "interrupted", "It was stopped. It can be resumed.")


def sft(data: str) -> dict[str, Any]:
    """A recipe."""
    return {
        "stage": "sft",
        "model": "default",
        "data": data,
        "length": 256,
        "adapter": None,
        "training": {"steps": STEPS, **_TRAINING},
    }


def figures(step: int, rate: float) -> dict[str, float]:
    """What a run tells after a step; of what is held out, now and then."""
    fallen = 2.4 * exp(-step * rate / 40)
    told = {
        "step": float(step),
        "loss": 0.6 + fallen + 0.06 * sin(step * 1.7),
        "learning_rate": 1e-4 * max(0.0, 1 - step / STEPS),
        "gradient_norm": 1 + fallen / 2,
        "tokens": step * 512.0,
        "tokens_a_second": 2100 + 160 * sin(step),
        "mfu": 0.31,
    }
    return told | ({"held_out_loss": 0.7 + fallen} if step % 20 == 0 else {})


def tell(runs: Runs, name: str, steps: Iterator[Mapping[str, float]], *notes: str) -> None:
    """Have a run tell."""
    recorded = Recorded(runs.events_file(name), Listener())
    for note in notes:
        recorded.note(note)
    for told in steps:
        values = dict(told)
        recorded.metrics(int(values.pop("step")), values)
    recorded.close()


def done(
    runs: Runs,
    stage: str,
    name: str,
    recipe: Mapping[str, Any],
    kind: ArtifactKind,
    metrics: Mapping[str, float],
) -> Path:
    """A run that has made something; the folder of that."""
    run: Run = runs.begin(stage, {"stage": stage, **recipe}, name)
    folder = runs.place(name) / "artifact"
    folder.mkdir()
    runs.done(run, Artifact(kind=kind, path=folder, metrics=metrics))
    return folder


def evaluation(runs: Runs, name: str, model: str, *, right: int, problems: int = PROBLEMS) -> Path:
    """The folder of an evaluation in which all but every ``right``-th sum is wrong."""
    replies: list[dict[str, Any]] = []
    for number in range(problems):
        first, second = number + 11, 2 * number + 7
        asked = f"What is {first} + {second}?"
        is_right = number % right == 0
        said = f"{first} + {second} = {first + second + (0 if is_right else 10)}"
        replies.append(
            {
                "task": "arithmetic-2",
                "problem": f"{first}+{second}",
                "prompt": asked,
                "reply": said,
                "score": float(is_right),
            }
        )
    for number in range(problems):
        asked = f"Write {number + 3} words about the sea, without the letter e."
        replies.append(
            {
                "task": "instructions",
                "problem": asked,
                "prompt": asked,
                "reply": "Salt and sand.",
                "score": 0.5,
            }
        )
    means = {
        task: sum(each["score"] for each in replies if each["task"] == task) / problems
        for task in ("arithmetic-2", "instructions")
    }
    metrics: dict[str, float] = {}
    for task, mean in means.items():
        metrics |= {task: mean, f"{task}_low": max(0.0, mean - 0.1), f"{task}_high": min(1.0, mean + 0.1)}
    recipe = {"model": model, "tasks": list(means), "problems": problems, "tokens": 24, "temperature": 0.0}
    folder = done(runs, "evaluate", name, recipe, "evaluation", metrics)
    (folder / REPLIES).write_text("".join(json.dumps(each) + "\n" for each in replies))
    return folder


def read(folder: Path, nats_a_byte: Mapping[str, float], *, documents: int = DOCUMENTS_READ) -> None:
    """Have an evaluation have read texts, of which each byte took about so many nats."""
    own = sum(map(ord, folder.parent.name))
    lines = [
        {
            "texts": name,
            "nats": (80 + number) * (nats + 0.1 * sin(number + own)),
            "tokens": 20 + number // 4,
            "bytes": 80 + number,
        }
        for name, nats in nats_a_byte.items()
        for number in range(documents)
    ]
    (folder / DOCUMENTS).write_text("".join(json.dumps(each) + "\n" for each in lines))
    fits = [{"texts": name, "length": 1024} for name in nats_a_byte]
    (folder / RESULT).write_text(json.dumps({"texts": fits}))


def live(runs: Runs) -> None:
    """A run that goes on until standard input is closed."""
    run = runs.begin("sft", sft("sums") | {"training": {"steps": 4_000, **_TRAINING}}, "live")
    with runs.held("live"):
        tell(runs, "live", (figures(step, 0.3) for step in range(40)))
        sys.stdout.write(f"ready {utc_now():%H:%M:%S}\n")
        sys.stdout.flush()
        step = 40
        while not select([sys.stdin], [], [], _STEP_SECONDS)[0]:
            tell(runs, "live", iter([figures(step, 0.3)]))
            step += 1
        runs.ended(run, "interrupted", "It was stopped. It can be resumed.")


if __name__ == "__main__":
    found = Runs(Path(sys.argv[1]) / "runs")
    fill(found)
    live(found)
