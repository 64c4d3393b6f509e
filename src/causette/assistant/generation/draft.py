"""A reply on its way from the engine to the log."""

import asyncio
import json
from collections.abc import Iterable

import msgspec

from causette.assistant.generation.parts import VERSION, Step, Story, Thinking
from causette.assistant.knowledge.types import Source
from causette.assistant.types import Event, EventType
from causette.clock import utc_now
from causette.engines.types import Completed, Compute, Usage
from causette.gateway.service import Queued


class Draft:
    """What is written and what of it is not in the log yet.

    Args:
        story: the reply as its log tells it so far.
        seq: the number of the log's last event.
    """

    def __init__(self, story: Story, seq: int) -> None:
        self.story = story
        self.seq = seq
        self.usage = Usage()
        self.compute = Compute()
        self.finish_reason: str | None = None
        #: The release that wrote last; None for the model that the house began with.
        self.release_id: str | None = None
        #: Where the reply stands in the queue, while it does.
        self.place: Queued | None = None
        #: Set when somebody waits for the log.
        self.urgent = asyncio.Event()
        self._pending: list[tuple[EventType, dict[str, object]]] = []
        #: The answer's next pieces, which become one event: most of what comes, token by token.
        self._said: list[str] = []
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def text(self) -> str:
        """All of it, whether in the log or not."""
        return self.story.text

    @property
    def progress(self) -> int:
        """Grows with everything that is written."""
        thinking = self.story.thinking
        return self.story.length + (len(thinking.text) if thinking else 0) + len(self.story.parts)

    def say(self, text: str) -> None:
        """More of the answer."""
        # PostgreSQL's text cannot hold a NUL: the reply could never be stored.
        if text := text.replace("\0", ""):
            self.end_thinking()
            self.story.say(text)
            self._said.append(text)

    def think(self, text: str) -> None:
        """More of what is thought before it."""
        text = text.replace("\0", "")
        if not text:
            return
        new = self.story.thinking is None
        began = {"began_at": utc_now().isoformat()} if new else {}
        self._add(EventType.THINKING, {"v": VERSION, "text": text, **began})

    def end_thinking(self) -> None:
        """What follows is no thinking."""
        thinking = self.story.thinking
        if thinking is not None:
            self._add(EventType.THINKING, {"v": VERSION, "seconds": _seconds_of(thinking)})

    def begin(self, step: Step) -> None:
        """A step, with all that is known of it."""
        self.end_thinking()
        data: dict[str, object] = {
            "id": step.id,
            "round": step.round,
            "name": step.name,
            "title": step.title,
            "arguments": step.arguments,
            "status": step.status,
            "began_at": step.began_at.isoformat(),
            "read_only": step.read_only,
        }
        self._add(EventType.STEP, {"v": VERSION, **data})

    def change(self, step: Step, **changes: object) -> None:
        """What is new about a step."""
        self._add(EventType.STEP, {"v": VERSION, "id": step.id, **changes})

    def vote(self, samples: int, agree: int = 0) -> None:
        """So many answers are written, and so many agree in the end."""
        self._add(EventType.VOTE, {"v": VERSION, "samples": samples, "agree": agree})

    def cite(self, sources: Iterable[Source]) -> None:
        """The model is given passages of files."""
        items = msgspec.to_builtins(list(sources))
        if items:
            self._add(EventType.SOURCES, {"v": VERSION, "items": items})

    async def in_the_log(self) -> None:
        """Wait until everything up to now is stored: what follows must not happen twice."""
        if not self._pending and not self._said:
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self.urgent.set()
        await done

    def take(self) -> list[Event]:
        """What is not in the log yet, as its next events. `stored` says that they are."""
        self._put_said()
        pending, self._pending = self._pending, []
        return [self.event(kind, **data) for kind, data in pending]

    def stored(self) -> None:
        """What was taken is in the log."""
        if self._pending or self._said:
            return
        self.urgent.clear()
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.done():
                done.set_result(None)

    def waiting(self) -> list[Event]:
        """The reply's place in the queue, as the log's next event."""
        place = self.place
        if place is None:
            return []
        return [self.event(EventType.QUEUED, position=place.position, seconds=round(place.wait_seconds, 1))]

    def event(self, kind: EventType, **data: object) -> Event:
        """The log's next event."""
        self.seq += 1
        return Event(self.seq, kind, json.dumps(data, ensure_ascii=False))

    def account(self, item: Completed) -> None:
        """Add what one engine run took."""
        was, more = self.usage, item.usage
        self.usage = Usage(
            was.input_tokens + more.input_tokens,
            was.cached_tokens + more.cached_tokens,
            was.output_tokens + more.output_tokens,
            was.reasoning_tokens + more.reasoning_tokens,
        )
        self.compute = Compute(
            self.compute.compute_ns + item.compute.compute_ns, self.compute.queue_ns + item.compute.queue_ns
        )

    def _add(self, kind: EventType, data: dict[str, object]) -> None:
        self.story.add(Event(0, kind, json.dumps(data, ensure_ascii=False)))
        self._put_said()
        if kind is EventType.THINKING and self._pending and self._pending[-1][0] is kind:
            last = self._pending[-1][1]
            if "seconds" not in last:
                text = f"{last.get('text', '')}{data.get('text', '')}"
                self._pending[-1] = (kind, {**last, **data, "text": text})
                return
        self._pending.append((kind, data))

    def _put_said(self) -> None:
        if self._said:
            self._pending.append((EventType.DELTA, {"text": "".join(self._said)}))
            self._said = []


def _seconds_of(thinking: Thinking) -> float:
    return round(max(0.0, (utc_now() - thinking.began_at).total_seconds()), 1)
