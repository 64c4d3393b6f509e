"""Prompts to which the data says one thing here and another there: mistakes, or somebody's poison.

Some 250 poisoned documents taught models of 0.6 to 13 billion parameters a backdoor (Souly et al. 2025), and poison
repeats a prompt. Nothing is removed for it: several answers to a prompt can be wanted, so a person looks.
"""

from dataclasses import dataclass, field
from typing import Final

from causette.lab.data.identity import digest
from causette.lab.data.problems import Place
from causette.lab.data.reading import Row
from causette.lab.types import Conversation, Labelled, Message, Preference, Record

#: Records from which on different answers to one prompt are told. Of labels and preferences, two contradict.
_MANY: Final = 5
_TOLD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Records that say different things of the same."""

    what: str
    first: Place
    records: int
    #: Different answers, labels, or ways round.
    claims: int

    def __str__(self) -> str:
        return f"{self.first}: {self.records} records, {self.claims} {self.what}"


@dataclass(slots=True)
class _Said:
    """What was said of one thing so far."""

    what: str
    first: Place
    many: int
    records: int = 0
    claims: set[bytes] = field(default_factory=set[bytes])


class Contradictions:
    """What each prompt was answered with so far; about 500 bytes for each prompt."""

    def __init__(self) -> None:
        self._said: dict[bytes, _Said] = {}

    def add(self, row: Row) -> None:
        """Take in a record, duplicates too: their number tells poison."""
        claim = _claim(row.record)
        if claim is None:
            return
        what, many, subject, said = claim
        entry = self._said.setdefault(subject, _Said(what, row.place, many))
        entry.records += 1
        entry.claims.add(said)

    def found(self) -> list[Contradiction]:
        """Those that there are, the most repeated first, no more than twenty."""
        found = [
            Contradiction(what=said.what, first=said.first, records=said.records, claims=len(said.claims))
            for said in self._said.values()
            if said.records >= said.many and len(said.claims) > 1
        ]
        return sorted(found, key=lambda one: -one.records)[:_TOLD]


def _claim(record: Record) -> tuple[str, int, bytes, bytes] | None:
    """What kind of claim a record makes, how many of them are many, what it is about, and what it says of it."""
    match record:
        case Conversation(messages=messages):
            before, answer = messages[:-1], messages[-1].content
            return "different answers to one prompt", _MANY, _about("answer", before), digest([answer])
        case Labelled(prompt=prompt, completion=completion, label=label):
            subject = _about("label", prompt, completion)
            return "labels of one answer", 2, subject, str(label).encode()
        case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
            first, second = sorted((digest([chosen]), digest([rejected])))
            subject = _about("preference", prompt, first.hex(), second.hex())
            return "ways round of one preference", 2, subject, digest([chosen])
        case _:
            return None


def _about(kind: str, messages: tuple[Message, ...], *more: str) -> bytes:
    return digest([kind, *(text for message in messages for text in (message.role, message.content)), *more])
