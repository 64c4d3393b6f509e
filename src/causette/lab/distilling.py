"""Replies of a teacher as conversations that a smaller model learns from: distillation by what is said.

conversations.jsonl   ``{"messages": …}``, one a line, for the data stage
manifest.json         who said it, how it was chosen, of which prompts, on what terms, and what was left out
replies.jsonl         (among the checkpoints) each reply as it came, so that nothing is asked twice, whatever dies
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Final, Literal

import msgspec

from causette.errors import CausetteError, InvalidRequest, NotFound
from causette.lab.data.manifest import SourceFile
from causette.lab.disk import whole_folder
from causette.lab.replies import Ended, Sampling, Writer, Written
from causette.lab.tasks import Problem, Task, scores
from causette.lab.tasks.safety.refusals import declines
from causette.lab.types import Artifact, Events, Message
from causette.models.disk import sha256_of

CONVERSATIONS: Final = "conversations.jsonl"
MANIFEST: Final = "manifest.json"
REPLIES: Final = "replies.jsonl"

#: Of the replies to a problem: the first of those with the highest score, or every one that is good enough.
Keep = Literal["best", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A prompt, and the problem of a task that it is, if it is one."""

    prompt: tuple[Message, ...]
    problem: Problem | None = None

    @property
    def key(self) -> str:
        """The SHA-256 of what is asked."""
        said = [(message.role, message.content) for message in self.prompt]
        return sha256(msgspec.json.encode(said)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is known of the conversations."""

    model: str
    #: Where it is served; None of a model in memory.
    url: str | None
    sampling: Sampling
    samples: int
    #: On what terms the teacher's replies may be used, in the words of whoever asked it.
    licence: str
    #: The files that the prompts are from, or the task.
    sources: tuple[SourceFile, ...]
    task: str | None
    prompts: int
    #: Of the prompts' own hashes, in their order.
    prompts_sha256: str
    replies: int
    #: How many replies were, by why.
    left_out: Mapping[str, int]
    conversations: int
    #: Of the file of conversations.
    sha256: str

    @property
    def terms(self) -> str:
        """On what terms the conversations may be used: the replies' and the prompts'."""
        return " AND ".join(dict.fromkeys((self.licence, *(each.licence for each in self.sources))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How many replies there are to a prompt, and which of them are kept."""

    sampling: Sampling
    samples: int = 1
    #: Scores each reply to a problem.
    task: Task | None = None
    #: The lowest score of what is kept.
    least: float = 1.0
    keep: Keep = "best"


class _Line(msgspec.Struct, frozen=True):
    """A reply as it came."""

    prompt: str
    sample: int
    text: str
    ended: Ended


class _Kept:
    """The replies in a file that only grows. A line that its process died in is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.replies: dict[tuple[str, int], Written] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        content = path.read_bytes()
        for line in content.splitlines():
            try:
                said = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError:
                continue
            self.replies[said.prompt, said.sample] = Written(said.text, said.ended)
        if content and not content.endswith(b"\n"):
            self._write(b"\n")

    def close(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def add(self, prompt: str, sample: int, reply: Written) -> None:
        """Keep a reply."""
        self._write(msgspec.json.encode(_Line(prompt, sample, reply.text, reply.ended)) + b"\n")
        self.replies[prompt, sample] = reply

    def _write(self, line: bytes) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            raise CausetteError(
                f"A reply could not be written to {self._path}: {error.strerror}. Resume the run once there is room.",
                code="disk_error",
            ) from error


def run(
    asked: Sequence[Asked],
    choice: Choice,
    events: Events,
    *,
    teacher: Writer,
    model: str,
    url: str | None,
    licence: str,
    sources: Sequence[SourceFile],
    checkpoints: Path,
    folder: Path,
) -> Artifact:
    """Put each prompt to ``teacher``, unless its reply is among the ``checkpoints``, and write what is kept.

    Raises:
        InvalidRequest: nothing is left.
        Unavailable: the teacher does not answer.
        DiskFull: there is no room.
    """
    asked = list({each.key: each for each in asked}.values())
    with closing(_Kept(checkpoints / REPLIES)) as kept:
        for sample in range(choice.samples):
            _ask(asked, sample, choice, kept, teacher, events)
        of_prompt: dict[str, list[Written]] = defaultdict(list)
        for (key, _), reply in sorted(kept.replies.items(), key=lambda item: item[0][1]):
            of_prompt[key].append(reply)
    left_out: Counter[str] = Counter()
    conversations = list(_conversations(asked, of_prompt, choice, left_out))
    replies = sum(len(of_prompt[each.key]) for each in asked)
    if not conversations:
        why = ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
        raise InvalidRequest(f"None of the {replies:,} replies can be learned from: {why}.", param="model")
    # Its process may have died after it had written this, and before it was noted.
    rmtree(folder, ignore_errors=True)
    with whole_folder(folder) as place:
        with (place / CONVERSATIONS).open("wb") as file:
            file.writelines(msgspec.json.encode({"messages": each}) + b"\n" for each in conversations)
        manifest = Manifest(
            model=model,
            url=url,
            sampling=choice.sampling,
            samples=choice.samples,
            licence=licence,
            sources=tuple(sources),
            task=None if choice.task is None else choice.task.name,
            prompts=len(asked),
            prompts_sha256=sha256("".join(each.key for each in asked).encode()).hexdigest(),
            replies=replies,
            left_out=dict((+left_out).most_common()),
            conversations=len(conversations),
            sha256=sha256_of(place / CONVERSATIONS),
        )
        (place / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    for reason, count in (+left_out).most_common():
        events.note(f"{count:,} left out: {reason}")
    metrics = {
        "prompts": len(asked),
        "replies": replies,
        "conversations": len(conversations),
        "left_out": left_out.total(),
    }
    return Artifact(kind="conversations", path=folder, metrics=metrics)


def read_manifest(folder: Path) -> Manifest:
    """What is known of a run's conversations.

    Raises:
        NotFound: there are none in this folder.
    """
    if not (folder / CONVERSATIONS).is_file():
        raise NotFound(
            f"{folder} has no conversations that a teacher wrote: there is no {CONVERSATIONS} in it."
        )
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


def _ask(
    asked: Sequence[Asked], sample: int, choice: Choice, kept: _Kept, teacher: Writer, events: Events
) -> None:
    """Have one more reply to each prompt, but for those that a better one could not be had of."""
    total = len(asked) * choice.samples
    wanted = [each for each in asked if (each.key, sample) not in kept.replies]
    if sample and choice.task is not None and choice.keep == "best":
        solved = _solved(wanted, sample, choice.task, kept)
        wanted = [each for each in wanted if each.key not in solved]
    done = (sample + 1) * len(asked) - len(wanted)
    events.progress(done, total, "replies")

    def taken(number: int, reply: Written) -> None:
        nonlocal done
        kept.add(wanted[number].key, sample, reply)
        done += 1
        events.progress(done, total, "replies")

    if wanted:
        sampling = replace(choice.sampling, seed=choice.sampling.seed + sample)
        teacher.write([each.prompt for each in wanted], sampling, taken)


def _solved(asked: Sequence[Asked], samples: int, task: Task, kept: _Kept) -> set[str]:
    """The prompts that one of the first ``samples`` replies has answered as well as can be."""
    found = [
        (each, kept.replies[each.key, sample])
        for each in asked
        for sample in range(samples)
        if (each.key, sample) in kept.replies
    ]
    good = [(each, reply.text) for each, reply in found if _flaw(reply) is None]
    judged = scores(task, ((_problem(each), text) for each, text in good))
    return {each.key for (each, _), (_, _, score) in zip(good, judged, strict=True) if score >= 1}


def _conversations(
    asked: Sequence[Asked],
    of_prompt: Mapping[str, Sequence[Written]],
    choice: Choice,
    left_out: Counter[str],
) -> Iterator[list[Message]]:
    """What is learned from; ``left_out`` counts what is not."""
    good: list[tuple[Asked, str]] = []
    for each in asked:
        said: set[str] = set()
        for reply in of_prompt[each.key]:
            text = reply.text.replace("\0", "").strip()
            flaw = _flaw(reply) or ("said before" if text in said else None)
            if flaw is not None:
                left_out[flaw] += 1
                continue
            said.add(text)
            good.append((each, text))
    if choice.task is None:
        yield from ([*each.prompt, Message("assistant", text)] for each, text in good)
        return
    judged = scores(choice.task, ((_problem(each), text) for each, text in good))
    right: dict[str, list[tuple[float, list[Message]]]] = defaultdict(list)
    for (each, text), (_, _, score) in zip(good, judged, strict=True):
        if score < choice.least:
            left_out["wrong"] += 1
        else:
            right[each.key].append((score, [*each.prompt, Message("assistant", text)]))
    for found in right.values():
        if choice.keep == "best":
            left_out["not the best"] += len(found) - 1
            yield max(found, key=lambda scored: scored[0])[1]
        else:
            yield from (conversation for _, conversation in found)


def _problem(asked: Asked) -> Problem:
    assert asked.problem is not None
    return asked.problem


def _flaw(reply: Written) -> str | None:
    """Why nothing is to be learned from a reply, whatever was asked."""
    if reply.ended == "no_room":
        return "the prompt is too long"
    if reply.ended == "length":
        return "too long"
    if reply.ended == "filtered":
        return "declined"
    if not reply.text.replace("\0", "").strip():
        return "empty"
    return "declined" if declines(reply.text) else None
