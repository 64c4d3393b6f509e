"""The stage that measures: tasks put to a model, every reply kept, texts read, results with their intervals.

result.json      for each task: score, interval, problems, seconds; for texts: bits per byte and perplexity; speed
replies.jsonl    each problem with its reply and its score
documents.jsonl  each document of the texts with its nats, tokens and bytes
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, field

from causette.lab.comparing import DOCUMENTS, REPLIES, RESULT, Reply
from causette.lab.data import read_texts
from causette.lab.recipes import Config, written
from causette.lab.replies import Replies, Sampling
from causette.lab.speed import Speed, SpeedConfig
from causette.lab.statistics import Estimate, estimate
from causette.lab.tasks import Fetched, Problem, Task, scores
from causette.lab.types import Artifact, Events

if TYPE_CHECKING:
    # Reading texts takes PyTorch, and putting tasks does not.
    from causette.lab.perplexity import Fit, Reader

# Problems in a row that were there before: a task of few has no others.
_KNOWN_IN_A_ROW: Final = 1_000
# Documents of which a bootstrap's interval can be trusted.
_ENOUGH: Final = 20


class EvaluationConfig(Config, frozen=True):
    """Which tasks are put, how many problems of each, and how the replies are chosen; and which texts are read."""

    tasks: tuple[str, ...] = ()
    #: By language, or another name, files to measure bits per byte and perplexity of.
    texts: dict[str, tuple[Path, ...]] = field(default_factory=dict[str, tuple[Path, ...]])
    #: Tokens of a window of them at most.
    length: Annotated[int, Meta(ge=2)] = 1_024
    problems: Annotated[int, Meta(ge=1)] = 200
    #: Tokens of a reply at most.
    tokens: Annotated[int, Meta(ge=1)] = 256
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    seed: Annotated[int, Meta(ge=0)] = 0
    #: How fast it is served is measured where there is such a table.
    speed: SpeedConfig | None = None

    def __post_init__(self) -> None:
        if not self.tasks and not self.texts and self.speed is None:
            raise ValueError("There is nothing to measure: name tasks, or texts, or write a table [speed]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a model scored in a task."""

    task: str
    score: Estimate
    seconds: float


def measure(
    tasks: Sequence[Task], replies: Replies, config: EvaluationConfig, events: Events
) -> Iterator[tuple[Result, list[Reply]]]:
    """The result of each task, with the replies."""
    total = config.problems * len(tasks)
    done = 0
    sampling = Sampling(tokens=config.tokens, temperature=config.temperature, seed=config.seed)
    for task in tasks:
        began = perf_counter()
        judged: list[Reply] = []
        for reply in put(task, replies, sampling, problems=config.problems):
            judged.append(reply)
            done += 1
            events.progress(done, total, "problems")
        mean = estimate([each.score for each in judged], seed=config.seed)
        yield Result(task=task.name, score=mean, seconds=perf_counter() - began), judged


def put(task: Task, replies: Replies, sampling: Sampling, *, problems: int) -> Iterator[Reply]:
    """Each reply to a task's first ``problems``, as it is judged."""
    # Held out: nothing that is trained on is asked here, whatever the seeds.
    asked = list(islice(distinct(task.problems("held_out", sampling.seed)), problems))
    answered = zip(asked, replies([each.prompt for each in asked], sampling), strict=True)
    for problem, reply, score in scores(task, answered):
        prompt = problem.prompt[-1].content
        yield Reply(task=task.name, problem=problem.id, prompt=prompt, reply=reply, score=score)


def run(
    config: EvaluationConfig,
    events: Events,
    *,
    tasks: Sequence[Task],
    replies: Replies | None,
    reader: "Reader | None",
    timed: Callable[[SpeedConfig], Speed],
    folder: Path,
) -> Artifact:
    """Put the tasks, have ``reader`` read the texts where there are some, and write what came out to ``folder``.

    ``replies`` are needed where there are tasks; ``timed`` measures how fast it is served, where that is wanted.

    Raises:
        InvalidRequest: a file of texts cannot be read.
        PullFailed: the prompts of a task cannot be had.
        Unavailable: nobody replies.
    """
    for task in tasks:
        if isinstance(task, Fetched):
            task.fetch(events)
    folder.mkdir(parents=True, exist_ok=True)
    # First, as a file that cannot be read would be found out late.
    fits = [] if reader is None else list(_read(reader, config, events, folder))
    results: list[Result] = []
    with (folder / REPLIES).open("wb") as file:
        for result, judged in measure(tasks, replies, config, events) if replies is not None else ():
            file.writelines(msgspec.json.encode(asdict(reply)) + b"\n" for reply in judged)
            results.append(result)
            events.note(f"{result.task}: {shown(result.score)}")
    speed = None if config.speed is None else timed(config.speed)
    summary = {
        "config": written(config),
        "results": [asdict(result) for result in results],
        "texts": [asdict(fit) for fit in fits],
        "speed": None if speed is None else asdict(speed),
    }
    (folder / RESULT).write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    estimates = {result.task: result.score for result in results}
    for fit in fits:
        estimates[f"{fit.texts}_bits_per_byte"] = fit.bits_per_byte
        estimates[f"{fit.texts}_perplexity"] = fit.perplexity
    if speed is not None:
        estimates |= {"ttft": speed.ttft, "tpot": speed.tpot, "tokens_a_second": speed.tokens_a_second}
        events.note(
            f"first token after {_milliseconds(speed.ttft)}, each further one {_milliseconds(speed.tpot)}, "
            f"{speed.tokens_a_second.value:,.1f} tokens a second"
        )
    metrics: dict[str, float] = {}
    for name, each in estimates.items():
        metrics |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
    return Artifact(kind="evaluation", path=folder, metrics=metrics)


def shown(score: Estimate) -> str:
    """A score as people read it."""
    return f"{score.value:.1%} [{score.low:.1%}, {score.high:.1%}] of {score.count}"


def _milliseconds(time: Estimate) -> str:
    return f"{1e3 * time.value:,.1f} ms [{1e3 * time.low:,.1f}, {1e3 * time.high:,.1f}]"


def _read(reader: "Reader", config: EvaluationConfig, events: Events, folder: Path) -> Iterator["Fit"]:
    with (folder / DOCUMENTS).open("wb") as file:
        for name, paths in config.texts.items():
            fit, documents = reader.fit(name, read_texts(paths), events, seed=config.seed)
            file.writelines(
                msgspec.json.encode({"texts": name, **asdict(document)}) + b"\n" for document in documents
            )
            bits, perplexity = fit.bits_per_byte, fit.perplexity
            events.note(
                f"{name}: {bits.value:.3f} [{bits.low:.3f}, {bits.high:.3f}] bits per byte, perplexity "
                f"{perplexity.value:.2f} [{perplexity.low:.2f}, {perplexity.high:.2f}], of {bits.count} documents"
            )
            if bits.count < _ENOUGH:
                events.note(f"{name}: of so few documents the interval says little; a line of .jsonl is one.")
            yield fit


def distinct(problems: Iterator[Problem]) -> Iterator[Problem]:
    """Each problem once, until there seem to be no others."""
    seen: set[str] = set()
    known = 0
    for problem in problems:
        if problem.id not in seen:
            seen.add(problem.id)
            known = 0
            yield problem
        elif (known := known + 1) == _KNOWN_IN_A_ROW:
            return
