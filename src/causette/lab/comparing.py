"""Evaluations that are there: their replies, and what two say of each other. None of the lab's libraries is needed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Final, Literal, TypedDict

import msgspec

from causette.errors import InvalidRequest
from causette.lab.statistics import Difference, compare, compare_ratio

#: In an evaluation's folder, each problem with its reply and its score.
REPLIES: Final = "replies.jsonl"
#: Each document of its texts with its nats, tokens and bytes, and what is known of all of them.
DOCUMENTS: Final = "documents.jsonl"
RESULT: Final = "result.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that was judged."""

    task: str
    problem: str
    #: What was asked last; empty in evaluations that did not keep it.
    prompt: str = ""
    reply: str
    score: float


#: Why two evaluations say nothing of each other in a task.
Reason = Literal["only_before", "only_after", "other_problems"]
#: Why they say nothing of each other in a text.
TextsReason = Literal["only_before", "only_after", "other_texts", "other_windows"]
#: The same for people.
REASONS: Final[Mapping[Reason | TextsReason, str]] = {
    "only_before": "only the first has it",
    "only_after": "only the second has it",
    "other_problems": "they have not put the same problems; take the same number of problems and the same seed",
    "other_texts": "they have not read the same texts",
    "other_windows": "their windows are not of one length",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the second of two evaluations differs from the first, task by task and text by text."""

    differences: Mapping[str, Difference]
    #: What each scored in these tasks: before, and after.
    means: Mapping[str, tuple[float, float]]
    #: Tasks of which nothing can be said, and why.
    apart: Mapping[str, Reason]
    #: Of texts that both have read, how many bits per byte more the second takes; fewer are better.
    texts: Mapping[str, Difference]
    #: How well each expected these texts: before, and after.
    fits: Mapping[str, tuple["Expected", "Expected"]]
    #: Texts of which nothing can be said, and why.
    texts_apart: Mapping[str, TextsReason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How well texts were expected. The perplexity is a token's, and of models with one tokenizer only."""

    bits_per_byte: float
    perplexity: float


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
        raise InvalidRequest(f"{folder} is not an evaluation: it has no {REPLIES}.", code="no_evaluation")
    decoder = msgspec.json.Decoder(Reply)
    with path.open("rb") as file:
        for line in file:
            # The line that is being written has no end yet.
            if line.endswith(b"\n"):
                yield decoder.decode(line)


def compared(before: Path, after: Path) -> Comparison:
    """How the second of two evaluations differs from the first.

    Raises:
        InvalidRequest: one is no evaluation.
    """
    first, second = _scores(before), _scores(after)
    differences: dict[str, Difference] = {}
    means: dict[str, tuple[float, float]] = {}
    apart: dict[str, Reason] = {}
    for task in dict.fromkeys((*first, *second)):
        if task not in second:
            apart[task] = "only_before"
        elif task not in first:
            apart[task] = "only_after"
        elif first[task].keys() != second[task].keys():
            apart[task] = "other_problems"
        else:
            problems = list(first[task])
            scores = [first[task][each] for each in problems], [second[task][each] for each in problems]
            differences[task] = compare(*scores)
            means[task] = fmean(scores[0]), fmean(scores[1])
    return Comparison(differences=differences, means=means, apart=apart, **_texts_compared(before, after))


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


class _Document(msgspec.Struct, frozen=True):
    texts: str
    nats: float
    tokens: int
    bytes: int


class _Read(msgspec.Struct, frozen=True):
    texts: str
    length: int


class _Result(msgspec.Struct, frozen=True):
    texts: tuple[_Read, ...] = ()


class _Texts(TypedDict):
    texts: dict[str, Difference]
    fits: dict[str, tuple[Expected, Expected]]
    texts_apart: dict[str, TextsReason]


def _texts_compared(before: Path, after: Path) -> _Texts:
    first, second = _documents(before), _documents(after)
    lengths = _lengths(before), _lengths(after)
    found: _Texts = {"texts": {}, "fits": {}, "texts_apart": {}}
    apart = found["texts_apart"]
    for name in dict.fromkeys((*first, *second)):
        old, new = first.get(name), second.get(name)
        if old is None or new is None:
            apart[name] = "only_after" if old is None else "only_before"
        # The documents themselves are not kept; others as many and of the same lengths are hardly met.
        elif [each.bytes for each in old] != [each.bytes for each in new]:
            apart[name] = "other_texts"
        elif lengths[0].get(name) != lengths[1].get(name):
            apart[name] = "other_windows"
        else:
            found["texts"][name] = compare_ratio(_bits(old), _bits(new), [each.bytes for each in old])
            found["fits"][name] = _expected(old), _expected(new)
    return found


def _expected(documents: Sequence[_Document]) -> Expected:
    nats = sum(each.nats for each in documents)
    return Expected(
        bits_per_byte=nats / log(2) / sum(each.bytes for each in documents),
        perplexity=exp(nats / sum(each.tokens for each in documents)),
    )


def _bits(documents: Sequence[_Document]) -> list[float]:
    return [each.nats / log(2) for each in documents]


def _documents(folder: Path) -> dict[str, list[_Document]]:
    path = folder / DOCUMENTS
    found: dict[str, list[_Document]] = {}
    if path.is_file():
        decoder = msgspec.json.Decoder(_Document)
        with path.open("rb") as file:
            for document in map(decoder.decode, file):
                found.setdefault(document.texts, []).append(document)
    return found


def _lengths(folder: Path) -> dict[str, int]:
    path = folder / RESULT
    read = msgspec.json.decode(path.read_bytes(), type=_Result).texts if path.is_file() else ()
    return {each.texts: each.length for each in read}
