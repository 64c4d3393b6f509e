"""Evaluations that are there: their replies, and what two say of each other. None of the lab's libraries is needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from causette.errors import InvalidRequest
from causette.lab.statistics import Difference, compare

#: In an evaluation's folder, each problem with its reply and its score.
REPLIES: Final = "replies.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that was judged."""

    task: str
    problem: str
    #: What was asked last; empty in evaluations that did not keep it.
    prompt: str = ""
    reply: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the second of two evaluations differs from the first, task by task."""

    differences: Mapping[str, Difference]
    #: Tasks of which nothing can be said, and why.
    apart: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What two evaluations replied to one problem."""

    before: Reply
    after: Reply


def replies_of(folder: Path) -> Iterator[Reply]:
    """The replies of an evaluation, in order; of one that is not done yet, those that are written.

    Raises:
        InvalidRequest: it is no evaluation.
    """
    path = folder / REPLIES
    if not path.is_file():
        raise InvalidRequest(f"{folder} is not an evaluation: it has no {REPLIES}.")
    decoder = msgspec.json.Decoder(Reply)
    with path.open("rb") as file:
        for line in file:
            # The line that is being written has no end yet.
            if line.endswith(b"\n"):
                yield decoder.decode(line)


def compared(before: Path, after: Path) -> Comparison:
    """How the second of two evaluations differs from the first.

    Raises:
        InvalidRequest: one is no evaluation, or there is no task of which something can be said.
    """
    first, second = _scores(before), _scores(after)
    differences: dict[str, Difference] = {}
    apart: dict[str, str] = {}
    for task in dict.fromkeys((*first, *second)):
        if task not in first or task not in second:
            apart[task] = f"only the {'first' if task in first else 'second'} has it"
        elif first[task].keys() != second[task].keys():
            apart[task] = (
                "they have not put the same problems: take the same number of problems and the same seed"
            )
        else:
            problems = list(first[task])
            differences[task] = compare(
                [first[task][each] for each in problems], [second[task][each] for each in problems]
            )
    if not differences:
        why = "; ".join(f"{task}: {reason}" for task, reason in apart.items())
        raise InvalidRequest(f"{before} and {after} cannot be compared. {why or 'Neither has a task'}.")
    return Comparison(differences=differences, apart=apart)


def pairs(before: Path, after: Path) -> Iterator[Pair]:
    """What two evaluations replied to the problems that both have put, where that is not the same.

    Raises:
        InvalidRequest: one is no evaluation.
    """
    first = {(reply.task, reply.problem): reply for reply in replies_of(before)}
    for reply in replies_of(after):
        other = first.get((reply.task, reply.problem))
        if other is not None and (other.reply, other.score) != (reply.reply, reply.score):
            yield Pair(before=other, after=reply)


def _scores(folder: Path) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    for reply in replies_of(folder):
        scores.setdefault(reply.task, {})[reply.problem] = reply.score
    return scores
