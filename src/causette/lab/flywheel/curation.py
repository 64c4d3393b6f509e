"""Examples: made from what people said and consented to be learned from, and looked through by who runs the house."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import InvalidRequest, NotFound
from causette.ids import new_id
from causette.lab.flywheel.store import FlywheelStore
from causette.lab.flywheel.types import Example, ExampleKind, Verdict
from causette.lab.installed import check_installed
from causette.lab.types import Message

_PAGE: Final = 200
#: Examples that are decided on at once.
MOST_AT_ONCE: Final = 500


class SaidTurn(Protocol):
    """A message of the conversation that feedback is on."""

    @property
    def role(self) -> Literal["user", "assistant"]: ...

    @property
    def content(self) -> str: ...


class Said(Protocol):
    """Feedback whose author consents that models learn from it."""

    @property
    def id(self) -> str: ...

    @property
    def prompt(self) -> Sequence[SaidTurn]: ...

    @property
    def chosen(self) -> str | None: ...

    @property
    def rejected(self) -> str | None: ...

    @property
    def reasons(self) -> Sequence[str]: ...

    @property
    def comment(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def updated_at(self) -> datetime: ...


class Feedback(Protocol):
    """Where feedback is."""

    async def examples(self, *, after: str = "", limit: int = 100) -> Sequence[Said]:
        """What models may learn from now, in order, after an id."""
        ...


class Curation:
    """The examples made from ``feedback``, kept in ``database``."""

    def __init__(
        self, database: Database, feedback: Feedback, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = FlywheelStore(database)
        self._feedback = feedback
        self._now = now

    async def collect(self) -> Mapping[tuple[Verdict, ExampleKind], int]:
        """Make examples of what was said since, and forget those whose feedback or consent was taken back.

        Returns:
            How many there are now, by verdict and kind.

        Raises:
            LabNotInstalled: this installation cannot take out what tells who somebody is.
        """
        check_installed()
        known = await self._store.known()
        gone, after = set(known), ""
        while page := await self._feedback.examples(after=after, limit=_PAGE):
            after = page[-1].id
            gone.difference_update(said.id for said in page)
            fresh = [said for said in page if known.get(said.id) != said.updated_at]
            made = await asyncio.to_thread(self._all_made, fresh)
            await self._store.put(
                (example, said.updated_at) for example, said in zip(made, fresh, strict=True)
            )
        await self._store.forget(gone)
        return await self._store.counts()

    async def counts(self) -> Mapping[tuple[Verdict, ExampleKind], int]:
        """How many examples there are, by verdict and kind."""
        return await self._store.counts()

    async def examples(
        self, *, verdict: Verdict | None = None, after: str = "", limit: int | None = None
    ) -> Sequence[Example]:
        """Examples in the order in which they were made, after an id: all, or those of a verdict."""
        return await self._store.examples(verdict=verdict, after=after, limit=limit)

    async def decide(self, by: Caller, ids: Sequence[str], verdict: Literal["kept", "left_out"]) -> int:
        """Keep or leave out examples; how many that were: some may have been taken back meanwhile.

        Raises:
            InvalidRequest: there are too many of them, or none.
        """
        if not 1 <= len(ids) <= MOST_AT_ONCE:
            raise InvalidRequest(f"Decide on 1 to {MOST_AT_ONCE} examples at once.", param="ids")
        return await self._store.decide(ids, verdict, by.user.email, self._now())

    async def leave_out_the_rest(self, by: Caller) -> int:
        """Leave out what nobody has looked at; how many that were."""
        return await self._store.leave_out_the_rest(by.user.email, self._now())

    async def rewrite(
        self,
        by: Caller,
        example_id: str,
        *,
        prompt: Sequence[str] | None = None,
        chosen: str | None = None,
        rejected: str | None = None,
    ) -> Example:
        """Change the words of an example, and keep it: what rules did not find is taken out by hand.

        Raises:
            NotFound: there is no such example.
            InvalidRequest: there are not as many messages as it has, a text is empty, or it has no such reply.
        """
        example = await self._store.example(example_id)
        if example is None:
            raise NotFound("There is no such example: its author may have taken it back.", param="id")
        texts = [message.content for message in example.prompt] if prompt is None else list(prompt)
        if len(texts) != len(example.prompt):
            raise InvalidRequest(
                f"The prompt has {len(example.prompt)} messages, and {len(texts)} were sent.", param="prompt"
            )
        await self._store.rewrite(
            example_id,
            prompt=[
                Message(message.role, _filled(text, "prompt"))
                for message, text in zip(example.prompt, texts, strict=True)
            ],
            chosen=_changed(example.chosen, chosen, "chosen"),
            rejected=_changed(example.rejected, rejected, "rejected"),
            by=by.user.email,
            now=self._now(),
        )
        rewritten = await self._store.example(example_id)
        if rewritten is None:
            raise NotFound("There is no such example any more.", param="id")
        return rewritten

    def _all_made(self, said: Iterable[Said]) -> list[Example]:
        return [self._made(each) for each in said]

    def _made(self, said: Said) -> Example:
        from causette.lab.flywheel.scrubbing import scrub  # noqa: PLC0415 - the lab may not be installed

        found = Counter[str]()

        def clean(text: str) -> str:
            scrubbed = scrub(text, [said.author])
            found.update(scrubbed.found)
            return scrubbed.text

        return Example(
            id=new_id("ex"),
            feedback_id=said.id,
            kind="thumb" if said.chosen is None or said.rejected is None else "pair",
            prompt=tuple(Message(turn.role, clean(turn.content)) for turn in said.prompt),
            chosen=_applied(clean, said.chosen),
            rejected=_applied(clean, said.rejected),
            reasons=tuple(said.reasons),
            comment=clean(said.comment),
            scrubbed=dict(found),
            verdict="pending",
            decided_by=None,
            decided_at=None,
            created_at=self._now(),
        )


def rows_of(examples: Iterable[Example], *, pairs: bool) -> list[dict[str, object]]:
    """Examples as the lab's data stage reads them: pairs, or thumbs, two of which each pair becomes."""
    rows: list[dict[str, object]] = []
    for example in examples:
        prompt = [{"role": message.role, "content": message.content} for message in example.prompt]
        if pairs:
            if example.kind == "pair":
                rows.append({"prompt": prompt, "chosen": example.chosen, "rejected": example.rejected})
            continue
        for completion, label in ((example.chosen, True), (example.rejected, False)):
            if completion is not None:
                rows.append({"prompt": prompt, "completion": completion, "label": label})
    return rows


def _applied(change: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else change(text)


def _filled(text: str, param: str) -> str:
    if not text.strip():
        raise InvalidRequest("There must be some text; leave the example out instead.", param=param)
    return text


def _changed(was: str | None, text: str | None, param: str) -> str | None:
    if text is None:
        return was
    if was is None:
        raise InvalidRequest("This example has no such reply.", param=param)
    return _filled(text, param)
