"""A million messages of a thousand people, and what is looked for in them."""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import Final
from uuid import uuid4

import asyncpg
import sqlalchemy as sa

from causette.accounts.store import users
from causette.accounts.types import Caller, User
from causette.assistant.search.service import Search
from causette.assistant.search.store import SearchStore
from causette.assistant.search.types import Filters
from causette.assistant.tables import conversations, messages
from causette.db import Database
from causette.ids import new_id

#: One of them has this part of all messages; the others share the rest.
HEAVY: Final = 0.2
_MESSAGES_A_CONVERSATION: Final = 10
_BATCH: Final = 5_000
_PORTION: Final = 1_000
_VOCABULARY: Final = 20_000
_NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
_SPAN: Final = timedelta(days=730)

_FRENCH: Final = """
de la le et les des en un du une que est pour qui dans par plus au ne se sur avec il ce pas mais comme on ou si leur
faire cette être tout nous sa bien peut même très aussi sans autre deux après votre vous année temps monde jour vie
homme pays petit grand premier école élève question réponse travail exemple problème données recette voyage projet
"""
_ENGLISH: Final = """
the of and to in a is that for it as was with be by on not he this are or his from at which but have an they you we
their has would what will there if can all her who one out about up time people year way day work world question
answer example problem data recipe travel project school student function number system point group place water
"""
_BEGINNINGS: Final = "b bl br c ch cl d dr f fl g gr h j l m n p pl pr qu r s st t tr v"
_MIDDLES: Final = {"fr": "a e i o u ai é ou an on eu è", "en": "a e i o u ea oo ai ou ee ow"}
_ENDINGS: Final = {
    "fr": "er ons ait ement tion s eux age ique able é ée ées esse",
    "en": "ing ed s ly ness tion able er ment al ful y ize",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    messages: int
    people: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words with their frequencies: Zipf's law over the common words of a language, and made-up ones behind them."""

    words: tuple[str, ...]
    weights: tuple[float, ...]

    def some(self, chance: random.Random, count: int) -> list[str]:
        """Words as a text has them."""
        return chance.choices(self.words, cum_weights=self.weights, k=count)


@cache
def vocabulary(language: str) -> Vocabulary:
    """The words of French or of English."""
    chance = random.Random(language)
    words = dict.fromkeys((_FRENCH if language == "fr" else _ENGLISH).split())
    beginnings, middles, endings = (
        text.split() for text in (_BEGINNINGS, _MIDDLES[language], _ENDINGS[language])
    )
    while len(words) < _VOCABULARY:
        syllables = chance.choice((1, 2, 2, 3))
        stem = "".join(chance.choice(beginnings) + chance.choice(middles) for _ in range(syllables))
        words[stem + chance.choice(beginnings)[0] + chance.choice(endings)] = None
    return Vocabulary(tuple(words), tuple(accumulate(1 / (rank + 2.7) for rank in range(len(words)))))


def message(chance: random.Random, language: str, role: str) -> str:
    """A question of some 25 words or a reply of some 90, in sentences."""
    count = max(2, min(2_000, round(chance.lognormvariate(3.0 if role == "user" else 4.3, 0.7))))
    words = vocabulary(language).some(chance, count)
    for index in range(0, count, 12):
        words[index] = words[index].capitalize()
        if index:
            words[index - 1] += "."
    return " ".join(words) + ("?" if role == "user" else ".")


async def fill(database: Database, size: Size) -> list[Caller]:
    """Put everybody's conversations there, and bring them into the index; the people, the heaviest first."""
    chance = random.Random(4)
    people = [_person(number) for number in range(size.people)]
    async with database.write() as connection:
        if database.dialect == "postgresql":
            # Built at once at the end, as a restored dump would: how long it takes to fill is not what is asked.
            await connection.execute(sa.text("DROP INDEX ix_search_documents_terms"))
        rows = [
            asdict(person.user) | {"email_key": person.user.email, "password_hash": ""} for person in people
        ]
        await connection.execute(sa.insert(users), rows)
    made = 0
    while made < size.messages:
        talks: list[dict[str, object]] = []
        said: list[dict[str, object]] = []
        while len(said) < _BATCH and made + len(said) < size.messages:
            owner = people[0] if chance.random() < HEAVY else chance.choice(people[1:])
            _talk(chance, owner, talks, said)
        async with database.write() as connection:
            await connection.execute(sa.insert(conversations), talks)
            await connection.execute(sa.insert(messages), said)
        made += len(said)
        store = SearchStore(database)
        while await store.index_some(_PORTION):
            pass
    async with database.write() as connection:
        if database.dialect == "postgresql":
            await connection.execute(sa.text("SET LOCAL maintenance_work_mem = '512MB'"))
            await connection.execute(
                sa.text(
                    "CREATE INDEX ix_search_documents_terms ON search_documents USING gin (terms) "
                    "WITH (gin_pending_list_limit = 256)"
                )
            )
            await connection.execute(sa.text("ANALYZE"))
    return people


def _person(number: int) -> Caller:
    user = User(
        id=new_id("user"),
        email=f"{number}@example.org",
        name="Somebody",
        role="member",
        locale=None,
        theme="system",
        created_at=_NOW,
    )
    return Caller(user=user)


def _talk(
    chance: random.Random, owner: Caller, talks: list[dict[str, object]], said: list[dict[str, object]]
) -> None:
    language = "fr" if chance.random() < 0.5 else "en"
    at = _NOW - _SPAN * chance.random()
    talk: dict[str, object] = {"id": new_id("conv"), "owner_id": owner.user.id, "title_is_given": False}
    title = " ".join(vocabulary(language).some(chance, 4)).capitalize()
    talks.append(talk | {"title": title, "model": "default", "created_at": at, "updated_at": at})
    for number in range(_MESSAGES_A_CONVERSATION):
        role = "assistant" if number % 2 else "user"
        at += timedelta(seconds=20)
        text = message(chance, language, role)
        row = {"id": new_id("msg"), "conversation_id": talk["id"], "role": role, "content": text}
        said.append(
            row | {"status": "complete", "created_at": at, "model": "default" if number % 2 else None}
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody's search."""

    kind: str
    caller: Caller
    text: str
    filters: Filters


def mixed(people: Sequence[Caller], count: int) -> list[Asked]:
    """Searches of each kind by turns, half of them by who has most."""
    chance = random.Random(5)
    asked: list[Asked] = []
    kinds = ("word", "rare", "two", "typing", "phrase", "without", "filtered")
    for number in range(count):
        caller = people[0] if number % 2 else chance.choice(people[1:])
        kind = kinds[number // 2 % len(kinds)]
        words = vocabulary("fr" if chance.random() < 0.5 else "en").words
        common, middling = chance.choice(words[60:160]), chance.choice(words[160:2_000])
        filters = Filters()
        match kind:
            case "word":
                text = f"{common} "
            case "rare":
                text = f"{chance.choice(words[5_000:])} "
            case "two":
                text = f"{common} {middling} "
            case "typing":
                text = middling[: chance.randint(3, 6)]
            case "phrase":
                text = f'"{chance.choice(words[:20])} {common}"'
            case "without":
                text = f"{middling} -{common}"
            case _:
                text = f"{common} "
                filters = Filters(role="user", since=_NOW - _SPAN / 2, until=_NOW - _SPAN / 4)
        asked.append(Asked(kind, caller, text, filters))
    return asked


async def ask(database: Database, searches: Sequence[Asked]) -> dict[str, list[float]]:
    """Milliseconds of each search, as the route would run it, by its kind."""
    search = Search(database)
    took: dict[str, list[float]] = {}
    for asked in searches:
        began = perf_counter()
        await search.search(asked.caller, asked.text, asked.filters, limit=20, before=None)
        took.setdefault(asked.kind, []).append(1e3 * (perf_counter() - began))
    return took


async def scan(database: Database, searches: Sequence[Asked]) -> list[float]:
    """Milliseconds of the same words looked for with LIKE through the asker's own messages, without ranking."""
    query = (
        sa.select(messages.c.id, messages.c.content)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            conversations.c.owner_id == sa.bindparam("owner"), messages.c.content.like(sa.bindparam("like"))
        )
        .order_by(messages.c.created_at.desc())
        .limit(20)
    )
    took: list[float] = []
    for asked in searches:
        values = {"owner": asked.caller.user.id, "like": f"%{asked.text.strip()}%"}
        began = perf_counter()
        async with database.read() as connection:
            (await connection.execute(query, values)).all()
        took.append(1e3 * (perf_counter() - began))
    return took


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncGenerator[Database]:
    """An empty SQLite database."""
    async with Database.from_url(f"sqlite:///{folder / 'search.sqlite3'}") as database:
        await database.upgrade()
        yield database


@asynccontextmanager
async def postgresql(url: str) -> AsyncGenerator[Database]:
    """An empty schema in the PostgreSQL database at ``url``, dropped at the end."""
    async with schema(url) as inside, Database.from_url(inside) as database:
        await database.upgrade()
        yield database


@asynccontextmanager
async def schema(url: str) -> AsyncGenerator[str]:
    """The URL of a new schema in the PostgreSQL database at ``url``, dropped at the end."""
    name = f"bench_{uuid4().hex}"
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE SCHEMA {name}")
    try:
        yield f"{url}{'&' if '?' in url else '?'}search_path={name}"
    finally:
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
        await connection.close()
