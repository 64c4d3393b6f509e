"""The index of words: its tables and all of its queries.

Triggers on conversations and messages note what has changed in ``search_pending``, whoever changed it; `index_some`
brings that into ``search_documents``. On SQLite an FTS5 table follows those by triggers of its own, on PostgreSQL they
hold a ``tsvector`` under a GIN index. Deleted messages take their documents along at once.

Every word in the index begins with its owner's number: nobody's query can touch what is somebody else's, and what it
costs depends on what its owner has, and not on all that is there. A document's place is its owner's number followed by
the time of its message, so that the newest ones are found first, without sorting.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from random import randrange
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import TSVECTOR

from causette.assistant.search.query import Clause, Query
from causette.assistant.search.types import Candidate, Filters
from causette.assistant.search.words import stem, words_of
from causette.assistant.tables import conversations, messages
from causette.assistant.types import Role, Status
from causette.db import Database, metadata
from causette.db.connecting import DialectName

#: The beginning of a text, in characters, by which its answer to a query is judged.
JUDGED: Final = 2000

# A place has 38 bits for the time, in hundredths of a second from 2020 to 2107, and before them its owner's number.
_TIME_BITS: Final = 38
_TICK: Final = timedelta(milliseconds=10)
_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)
_LAST_TICK: Final = (1 << _TIME_BITS) - 1

# PostgreSQL keeps the places of a text's words up to its 16,383rd, and a megabyte of words: longer texts have several
# documents.
_WORDS_A_DOCUMENT: Final = 10_000
_CHARACTERS_A_DOCUMENT: Final = 60_000
# For what most texts may have, PostgreSQL looks through this many of the newest before it asks its index for all there
# are, which it would have to fetch and sort.
_NEWEST: Final = 1000
#: PostgreSQL's advisory lock that the one process holds which indexes: "find" as a number.
_ADVISORY_LOCK: Final = int.from_bytes(b"find")

_BigNumber = sa.BigInteger().with_variant(sa.Integer, "sqlite")

search_owners = sa.Table(
    "search_owners",
    metadata,
    sa.Column("number", _BigNumber, primary_key=True),
    sa.Column(
        "owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, unique=True
    ),
    sqlite_autoincrement=True,
)

search_documents = sa.Table(
    "search_documents",
    metadata,
    sa.Column("place", _BigNumber, primary_key=True, autoincrement=False),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    # None for the conversation's title.
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE")),
    sa.Column("terms", sa.Text().with_variant(TSVECTOR, "postgresql"), nullable=False),
    sa.Index(None, "conversation_id"),
    sa.Index(None, "message_id"),
    sa.Index(
        "ix_search_documents_terms",
        "terms",
        postgresql_using="gin",
        # What is written waits in a list that every search reads: let it be short.
        postgresql_with={"gin_pending_list_limit": 256},
    ).ddl_if(dialect="postgresql"),
)

# What is to be indexed anew. What was there before there was an index has negative numbers, the newest the highest.
search_pending = sa.Table(
    "search_pending",
    metadata,
    sa.Column("seq", _BigNumber, primary_key=True),
    sa.Column("conversation_id", sa.Text),
    sa.Column("message_id", sa.Text),
    sqlite_autoincrement=True,
)


_backlog = search_pending.c.seq < 0
# Each is one step at an end of the key.
_REMAINING: Final = sa.select(
    sa.select(sa.func.min(search_pending.c.seq)).where(_backlog).scalar_subquery(),
    sa.select(sa.func.max(search_pending.c.seq)).where(_backlog).scalar_subquery(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """Something to be found: a message, or without one a title."""

    owner_id: str
    conversation_id: str
    message_id: str | None
    role: Role | None
    model: str | None
    created_at: datetime
    text: str


class SearchStore:
    """The index of words in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_pending(self) -> bool:
        """Whether there is something to be indexed."""
        async with self._database.read() as connection:
            found = await connection.execute(sa.select(search_pending.c.seq).limit(1))
            return found.first() is not None

    async def index_some(self, limit: int) -> int:
        """Index some of what has changed, the newest first; how many entries that was.

        One process does so at a time: 0 also while another one does.
        """
        return await self._database.transact(lambda connection: _index_some(connection, limit))

    async def remaining(self) -> int:
        """How many of the texts that were there before the index are not in it yet, about."""
        async with self._database.read() as connection:
            first, last = (await connection.execute(_REMAINING)).one()
            return 0 if first is None else last - first + 1

    async def owner(self, owner_id: str) -> tuple[int | None, int]:
        """The number that somebody's words begin with, None while nothing of theirs is indexed; and `remaining`."""
        number = sa.select(search_owners.c.number).where(search_owners.c.owner_id == owner_id)
        query = _REMAINING.add_columns(number.scalar_subquery())
        async with self._database.read() as connection:
            first, last, owner = (await connection.execute(query)).one()
            return owner, 0 if first is None else last - first + 1

    async def candidates(
        self,
        owner_id: str,
        owner: int,
        query: Query,
        filters: Filters,
        *,
        before: int | None,
        limit: int,
    ) -> tuple[list[Candidate], int | None]:
        """The newest texts that have what is wanted, older than the place ``before`` when given, newest first.

        With the place that the next ones are before; None when these are all.
        """
        first = _place(owner, filters.since or _BEGINNING)
        last = _place(owner, filters.until) - 1 if filters.until else _place(owner, None)
        if before is not None:
            last = min(last, before - 1)
        if not query.wanted or first > last:
            return [], None
        values = {
            "match": match_of(owner, query, filters, self._database.dialect),
            "first": first,
            "last": last,
            "limit": limit,
            "owner": owner_id,
        }
        async with self._database.read() as connection:
            if self._database.dialect == "sqlite":
                rows = (await connection.execute(SQLITE_CANDIDATES, values)).mappings().all()
            else:
                rows: Sequence[sa.RowMapping] = []
                if query.is_broad:
                    newest = await connection.execute(NEWEST_CANDIDATES, values | {"newest": _NEWEST})
                    rows = newest.mappings().all()
                if len(rows) < limit:
                    rows = (await connection.execute(POSTGRES_CANDIDATES, values)).mappings().all()
        found = [
            Candidate(**row)  # pyright: ignore[reportArgumentType] - the query names the fields
            for row in rows
            if row["title"] is not None
        ]
        return found, rows[-1]["place"] if len(rows) == limit else None

    async def texts(self, message_ids: Sequence[str]) -> dict[str, str]:
        """What messages say, by their ids."""
        query = sa.select(messages.c.id, messages.c.content).where(messages.c.id.in_(message_ids))
        async with self._database.read() as connection:
            return {row.id: row.content for row in await connection.execute(query)}


def _judged(found: sa.CTE) -> sa.Select[Any]:
    """The texts at the places ``found``, with their beginnings; without a title where they are not to be shown."""
    shown = sa.and_(
        conversations.c.id == found.c.conversation_id,
        conversations.c.owner_id == sa.bindparam("owner"),
        # Temporary conversations are in no list.
        conversations.c.expires_at.is_(None),
    )
    return (
        sa.select(
            *found.c,
            conversations.c.title,
            conversations.c.updated_at,
            messages.c.role,
            messages.c.model,
            sa.func.coalesce(messages.c.created_at, conversations.c.updated_at).label("created_at"),
            sa.func.coalesce(sa.func.substr(messages.c.content, 1, JUDGED), conversations.c.title).label(
                "text"
            ),
        )
        .select_from(
            found.outerjoin(conversations, shown).outerjoin(messages, messages.c.id == found.c.message_id)
        )
        .order_by(found.c.place.desc())
    )


def _found(query: str, *numbers: str) -> sa.CTE:
    """The places that ``query`` finds, whose parameters are ``match`` and ``numbers``."""
    places = ("place", "conversation_id", "message_id")
    text = sa.text(query).bindparams(
        sa.bindparam("match", type_=sa.Text),
        *(sa.bindparam(name, type_=sa.BigInteger) for name in ("first", "last", "limit", *numbers)),
    )
    return text.columns(*(search_documents.c[name] for name in places)).cte("found")


# The index gives its places in order, so that SQLite stops at the limit.
SQLITE_CANDIDATES: Final = _judged(
    _found(
        """
        SELECT place, conversation_id, message_id
        FROM search_index CROSS JOIN search_documents ON place = search_index.rowid
        WHERE search_index MATCH :match AND search_index.rowid BETWEEN :first AND :last
        ORDER BY search_index.rowid DESC LIMIT :limit
        """
    )
)
# Through the newest, in order.
NEWEST_CANDIDATES: Final = _judged(
    _found(
        """
        SELECT place, conversation_id, message_id
        FROM (
            SELECT place, conversation_id, message_id, terms FROM search_documents
            WHERE place BETWEEN :first AND :last
            ORDER BY place DESC LIMIT :newest
        ) AS newest
        WHERE terms @@ CAST(:match AS tsquery)
        ORDER BY place DESC LIMIT :limit
        """,
        "newest",
    )
)
# What the index finds is taken first: with the limit in the same query, PostgreSQL may guess that going through all
# places is shorter.
POSTGRES_CANDIDATES: Final = _judged(
    _found(
        """
        WITH matching AS MATERIALIZED (
            SELECT place, conversation_id, message_id FROM search_documents
            WHERE terms @@ CAST(:match AS tsquery)
        )
        SELECT place, conversation_id, message_id FROM matching
        WHERE place BETWEEN :first AND :last
        ORDER BY place DESC LIMIT :limit
        """
    )
)


def match_of(owner: int, query: Query, filters: Filters, dialect: DialectName) -> str:
    """What the database's own search is asked for: terms have letters, digits and ``.=@`` only."""
    writer = _Fts5(owner) if dialect == "sqlite" else _Tsquery(owner)
    wanted = [writer.clause(clause) for clause in query.wanted]
    wanted += [writer.term(mark) for mark in _marks(filters.role, filters.model)]
    return writer.both(wanted, [writer.clause(clause) for clause in query.unwanted])


class _Fts5:
    """Writes a query as FTS5 reads it."""

    def __init__(self, owner: int) -> None:
        self._owner = _number(owner)

    def term(self, term: str) -> str:
        return f'"{self._owner}{term}"'

    def clause(self, clause: Clause) -> str:
        row = " ".join(f"{self._owner}.{word}" for word in clause.words)
        written = f'"{row}" *' if clause.prefix else f'"{row}"'
        if clause.stem is None:
            return written
        stemmed = self.term(f"={clause.stem}")
        return f"({stemmed} OR {written})" if clause.prefix else stemmed

    def both(self, wanted: Sequence[str], unwanted: Sequence[str]) -> str:
        match = " AND ".join(wanted)
        return f"({match}) NOT ({' OR '.join(unwanted)})" if unwanted else match


class _Tsquery:
    """Writes a query as PostgreSQL reads it."""

    def __init__(self, owner: int) -> None:
        self._owner = _number(owner)

    def term(self, term: str) -> str:
        return f"'{self._owner}{term}'"

    def clause(self, clause: Clause) -> str:
        row = " <-> ".join(f"'{self._owner}.{word}'" for word in clause.words)
        written = f"{row}:*" if clause.prefix else row
        if clause.stem is None:
            return f"({written})"
        stemmed = self.term(f"={clause.stem}")
        return f"({stemmed} | {written})" if clause.prefix else stemmed

    def both(self, wanted: Sequence[str], unwanted: Sequence[str]) -> str:
        return " & ".join([*wanted, *(f"!({item})" for item in unwanted)])


def _number(owner: int) -> str:
    """An owner's number as the beginning of a word."""
    return f"{owner:x}"


def _marks(role: Role | None, model: str | None) -> list[str]:
    """The terms that stand for who wrote a text."""
    marks = [] if role is None else [f"@{role}"]
    # A model's name may have any characters.
    return marks if model is None else [*marks, f"@{blake2s(model.encode(), digest_size=6).hexdigest()}"]


def _place(owner: int, at: datetime | None) -> int:
    """The place of something of ``owner``'s from then; the last one without a time."""
    tick = _LAST_TICK if at is None else min(max((at - _BEGINNING) // _TICK, 0), _LAST_TICK)
    return owner << _TIME_BITS | tick


# Indexing


def _index_some(connection: Connection, limit: int) -> int:
    if connection.dialect.name == "postgresql":
        # One lock for each schema: a database may have several houses.
        schema = sa.func.hashtext(sa.func.current_schema())
        lock = sa.func.pg_try_advisory_xact_lock(_ADVISORY_LOCK, schema)
        held = connection.execute(sa.select(lock)).scalar_one()
        if not held:
            return 0
    pending = connection.execute(
        sa.select(search_pending).order_by(search_pending.c.seq.desc()).limit(limit)
    ).all()
    if not pending:
        return 0
    titles = {row.conversation_id for row in pending if row.conversation_id is not None}
    said = {row.message_id for row in pending if row.message_id is not None}
    connection.execute(
        sa.delete(search_documents).where(
            sa.or_(
                search_documents.c.message_id.in_(said),
                sa.and_(
                    search_documents.c.conversation_id.in_(titles), search_documents.c.message_id.is_(None)
                ),
            )
        )
    )
    texts = list(_texts(connection, titles, said))
    owners = _owners(connection, {text.owner_id for text in texts})
    rows = [
        {
            "place": _place(owners[text.owner_id], text.created_at),
            "conversation_id": text.conversation_id,
            "message_id": text.message_id,
            "terms": _terms(
                owners[text.owner_id], words, _marks(text.role, text.model), connection.dialect.name
            ),
        }
        for text in texts
        for words in _portions(words_of(text.text))
    ]
    _find_places(connection, rows)
    if rows:
        connection.execute(_INSERT, rows)
    connection.execute(
        sa.delete(search_pending).where(search_pending.c.seq.in_([row.seq for row in pending]))
    )
    return len(pending)


def _texts(connection: Connection, titles: Iterable[str], said: Iterable[str]) -> Iterator[_Text]:
    """What is still there of it."""
    named = sa.select(conversations).where(conversations.c.id.in_(titles))
    for row in connection.execute(named).all():
        yield _Text(
            owner_id=row.owner_id,
            conversation_id=row.id,
            message_id=None,
            role=None,
            model=None,
            created_at=row.created_at,
            text=row.title,
        )
    written = (
        sa.select(messages, conversations.c.owner_id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.id.in_(said), messages.c.status != Status.STREAMING)
        .order_by(messages.c.id)
    )
    for row in connection.execute(written).all():
        yield _Text(
            owner_id=row.owner_id,
            conversation_id=row.conversation_id,
            message_id=row.id,
            role=row.role,
            model=row.model,
            created_at=row.created_at,
            text=row.content,
        )


_INSERT: Final = sa.insert(search_documents).values(
    place=sa.bindparam("place"),
    conversation_id=sa.bindparam("conversation_id"),
    message_id=sa.bindparam("message_id"),
    terms=sa.cast(sa.bindparam("terms", type_=sa.Text), search_documents.c.terms.type),
)


def _portions(words: Sequence[str]) -> Iterator[list[str]]:
    """The words of a text, in as many documents as they need."""
    portion: list[str] = []
    size = 0
    for word in words:
        if portion and (len(portion) == _WORDS_A_DOCUMENT or size + len(word) > _CHARACTERS_A_DOCUMENT):
            yield portion
            portion, size = [], 0
        portion.append(word)
        size += len(word)
    if portion:
        yield portion


def _terms(owner: int, words: Sequence[str], marks: Sequence[str], dialect: str) -> str:
    """The words in order, then their stems and the marks, each of them once."""
    number = _number(owner)
    others = [*dict.fromkeys(f"={stem(word)}" for word in words), *marks]
    if dialect == "sqlite":
        return " ".join([*(f"{number}.{word}" for word in words), *(number + term for term in others)])
    numbered = (f"'{number}.{word}':{place}" for place, word in enumerate(words, 1))
    return " ".join([*numbered, *(f"'{number}{term}'" for term in others)])


def _owners(connection: Connection, owner_ids: set[str]) -> dict[str, int]:
    """The numbers of these people; who has none gets one."""
    find = sa.select(search_owners.c.owner_id, search_owners.c.number)
    known = {
        row.owner_id: row.number
        for row in connection.execute(find.where(search_owners.c.owner_id.in_(owner_ids)))
    }
    for owner_id in sorted(owner_ids - known.keys()):
        made = sa.insert(search_owners).values(owner_id=owner_id).returning(search_owners.c.number)
        known[owner_id] = connection.execute(made).scalar_one()
    return known


def _find_places(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Move each row to a place from its own on that nothing has: an import can have thousands of one moment."""
    settled: set[int] = set()
    unsettled = rows
    width = 1
    while unsettled:
        wanted = [row["place"] for row in unsettled]
        query = sa.select(search_documents.c.place).where(search_documents.c.place.in_(wanted))
        taken = settled | set(connection.execute(query).scalars())
        crowded: list[dict[str, Any]] = []
        for row in unsettled:
            if row["place"] in taken:
                row["place"] += randrange(1, width + 1)  # noqa: S311 - nothing secret
                crowded.append(row)
            else:
                taken.add(row["place"])
                settled.add(row["place"])
        unsettled, width = crowded, width * 2
