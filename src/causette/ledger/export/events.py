"""Usage as CloudEvents 1.0, one line of JSON for each settled request.

``id`` is the request's, so that a receiver who sees an event twice knows; ``subject`` is who pays. Specification:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from causette.clock import utc_now
from causette.db import Database
from causette.errors import InvalidRequest
from causette.ledger.export.store import SettledRequest, settled_requests

TYPE: Final = "org.causette.usage.v1"

#: What ended less than this ago may not be written yet, so that a cursor could pass it by.
SETTLING: Final = timedelta(minutes=2)

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class UsageData(msgspec.Struct, frozen=True, kw_only=True):
    """What a request used, and what it was charged and cost in nano-dollars (billionths of a US dollar)."""

    model: str
    deployment: str | None
    user_id: str
    workspace_id: str | None
    key_id: str | None
    plan_id: str
    surface: str
    purpose: str
    outcome: str
    usage_source: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    images: int
    audio_seconds: int
    list_nano: int
    charge_nano: int
    cost_nano: int
    compute_ns: int
    energy_uj: int
    energy_method: str


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent, with the attributes that the specification requires and three of its optional ones."""

    specversion: Literal["1.0"] = "1.0"
    type: str = TYPE
    source: str
    id: str
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: UsageData


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place among the events: whoever goes on from it misses none and gets none twice."""

    finished_at: datetime
    request_id: str

    def __str__(self) -> str:
        text = f"{self.finished_at.isoformat()} {self.request_id}"
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor that was written as ``text``.

        Raises:
            InvalidRequest: it is none.
        """
        try:
            instant, _, request_id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
            finished_at = datetime.fromisoformat(instant)
        except ValueError:
            finished_at, request_id = _BEGINNING.replace(tzinfo=None), ""
        if finished_at.tzinfo is None or not request_id:
            raise InvalidRequest(
                f"{text!r} is no cursor. Use one that an export of events gave, or leave it out to begin "
                "at the beginning.",
                param="since",
            )
        return cls(finished_at, request_id)


async def usage_events(
    database: Database,
    *,
    source: str,
    start: datetime | None = None,
    end: datetime | None = None,
    after: Cursor | None = None,
) -> AsyncGenerator[tuple[list[UsageEvent], Cursor]]:
    """The events of requests settled from ``start`` on and before ``end``, in portions with the cursor behind each.

    Nothing younger than `SETTLING` is among them. ``source`` says which house they come from; ``after`` takes the
    place of ``start``.
    """
    settled = utc_now() - SETTLING
    place = None if after is None else (after.finished_at, after.request_id)
    end = settled if end is None else min(end, settled)
    async for rows in settled_requests(database, start or _BEGINNING, end, after=place):
        yield [_event(row, source) for row in rows], Cursor(rows[-1].finished_at, rows[-1].id)


def _event(row: SettledRequest, source: str) -> UsageEvent:
    data = UsageData(**{name: getattr(row, name) for name in UsageData.__struct_fields__})
    return UsageEvent(source=source, id=row.id, subject=row.payer_id, time=row.finished_at, data=data)
