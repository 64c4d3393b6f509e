"""What the search does: from what was typed to conversations, the best first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Final

from causette.accounts.types import Caller
from causette.assistant.search.indexer import Indexer
from causette.assistant.search.matching import Matcher
from causette.assistant.search.query import read_query
from causette.assistant.search.store import SearchStore
from causette.assistant.search.types import Candidate, Filters, Found, Hit, SearchPage
from causette.clock import utc_now
from causette.db import Database
from causette.errors import InvalidRequest

# The newest answers are ranked among each other, this many at a time: older ones come on later pages.
_WINDOW: Final = 120
_LAST_PLACE: Final = 2**63
# What a title counts more than a message, and what further answers in the same conversation add.
_TITLE: Final = 2.0
_FURTHER: Final = 0.15


@dataclass(slots=True)
class _Found:
    """What was found of one conversation, so far."""

    conversation_id: str
    title: str
    updated_at: datetime
    #: The best of its messages, where it is not the title alone.
    message: Candidate | None = None
    score: float = 0.0
    title_score: float = 0.0
    matches: int = 0

    def add(self, item: Candidate, score: float) -> None:
        if item.message_id is None:
            self.title_score = score * _TITLE
            return
        self.matches += 1
        if self.message is None or score > self.score:
            self.message, self.score = item, score

    @property
    def worth(self) -> float:
        return max(self.score, self.title_score) + _FURTHER * log(max(1, self.matches))


class Search:
    """Finds what people have written and got. Everybody searches their own only."""

    def __init__(self, database: Database) -> None:
        self._store = SearchStore(database)
        self.indexer = Indexer(self._store)

    def open(self) -> None:
        """Begin to index what changes."""
        self.indexer.open()

    async def close(self) -> None:
        """End the indexing."""
        await self.indexer.close()

    async def search(
        self, caller: Caller, text: str, filters: Filters, *, limit: int, before: str | None
    ) -> SearchPage:
        """The caller's conversations that have what ``text`` asks for, the best first.

        Raises:
            InvalidRequest: too many words, or not a cursor that a search gave out.
        """
        query = read_query(text.replace("\0", ""))
        top, skip = _read_cursor(before) if before else (None, 0)
        owner, remaining = await self._store.owner(caller.user.id)
        if owner is None:
            return SearchPage((), None, remaining)
        matcher, now = Matcher(query), utc_now()
        shown, seen, at = skip, set[str](), top
        chosen: list[_Found] = []
        while len(chosen) <= limit:
            window, at = await self._store.candidates(
                caller.user.id, owner, query, filters, before=at, limit=_WINDOW
            )
            if window:
                top = top or window[0].place + 1
            fresh = [item for item in window if item.conversation_id not in seen]
            new = {item.conversation_id for item in fresh}
            seen |= new
            # What earlier pages had needs no ranking.
            if skip < len(new):
                chosen += _ranked(fresh, matcher, now)[skip:]
            skip = max(0, skip - len(new))
            if at is None:
                break
        more = len(chosen) > limit
        items = await self._shown(chosen[:limit], matcher)
        return SearchPage(items, _cursor(top, shown + limit) if more and top else None, remaining)

    async def _shown(self, found: Sequence[_Found], matcher: Matcher) -> tuple[Found, ...]:
        ids = [item.message.message_id for item in found if item.message and item.message.message_id]
        texts = await self._store.texts(ids) if ids else {}
        return tuple(
            Found(
                conversation_id=item.conversation_id,
                title=matcher.mark(item.title),
                updated_at=item.updated_at,
                hit=_hit(item.message, texts, matcher),
                matches=item.matches,
            )
            for item in found
        )


def _hit(message: Candidate | None, texts: dict[str, str], matcher: Matcher) -> Hit | None:
    if message is None or message.message_id is None or message.role is None:
        return None
    return Hit(
        id=message.message_id,
        role=message.role,
        model=message.model,
        created_at=message.created_at,
        # Of one deleted since it was found, what was read then is all there is.
        snippet=matcher.snippet(texts.get(message.message_id, message.text)),
    )


def _ranked(candidates: Sequence[Candidate], matcher: Matcher, now: datetime) -> list[_Found]:
    """The candidates' conversations, the best first."""
    found: dict[str, _Found] = {}
    for item in candidates:
        group = found.get(item.conversation_id)
        if group is None:
            group = found[item.conversation_id] = _Found(item.conversation_id, item.title, item.updated_at)
        group.add(item, matcher.score(item.text, now - item.created_at))
    return sorted(found.values(), key=lambda group: group.worth, reverse=True)


def _cursor(top: int, shown: int) -> str:
    return urlsafe_b64encode(f"{top} {shown}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[int, int]:
    try:
        top, shown = map(int, urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).split())
    except ValueError:
        top, shown = -1, -1
    if not (0 <= top < _LAST_PLACE and 0 <= shown < _LAST_PLACE):
        raise InvalidRequest("This is not a cursor that a search gave out.", param="before")
    return top, shown
