"""What is found, on both databases alike."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.search import store as search_store
from causette.assistant.search.indexer import Indexer
from causette.assistant.search.query import read_query
from causette.assistant.search.store import (
    NEWEST_CANDIDATES,
    POSTGRES_CANDIDATES,
    SQLITE_CANDIDATES,
    SearchStore,
    match_of,
    search_documents,
    search_pending,
)
from causette.assistant.search.types import Filters
from causette.assistant.tables import conversations, messages
from causette.db import Database
from causette.errors import InvalidRequest
from causette.ids import new_id
from tests.assistant.conftest import Process, read_to_end
from tests.assistant.search.conftest import NOON, Library, marked, plain, snippet_of
from tests.waiting import eventually


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Les élèves arrivent à l'école.", "eleve"),
        ("Les eleves arrivent", "Élève"),
        ("Trois chevaux dans un pré", "cheval"),
        ("Un cheval blanc", "chevaux"),
        ("She was running late", "run"),
        ("I run every day", "running"),
        ("The cities of light", "city"),
        ("Une œuvre d’art", "oeuvre"),
        ("STRASSE und Straße", "straße"),
        ("A recipe for bread", "reci"),
        ("Les données personnelles", "donnees personnelles"),
        ("search_documents is a table", "search_documents"),
        ("It is a well-known fact", "well-known"),
        ("What is the weather in Paris?", "weather in paris"),
        ("東京タワーへ行きました", "東京"),
        ("Сегодня хорошая погода", "погода"),
        ("a\u0000b".replace("\0", " ") + " zebra 🦓", "zebra"),
    ],
)
async def test_a_message_is_found_by_any_form_of_its_words(
    library: Library, ada: Caller, written: str, asked: str
) -> None:
    _, message = await library.talk(ada, written)
    await library.talk(ada, "Something else altogether")
    assert await library.found(ada, asked) == [message]


async def test_all_words_must_be_there(library: Library, ada: Caller) -> None:
    _, both = await library.talk(ada, "Butter on fresh bread")
    await library.talk(ada, "Bread alone")
    assert await library.found(ada, "bread butter ") == [both]


async def test_a_phrase_is_in_a_row_and_in_this_form(library: Library, ada: Caller) -> None:
    _, message = await library.talk(ada, "We met at the old town hall, in May.")
    await library.talk(ada, "The hall of the old towns; a town with halls")
    assert await library.found(ada, '"old town hall"') == [message]
    assert await library.found(ada, '"town old"') == []


async def test_an_unwanted_word_leaves_out_all_of_its_forms(library: Library, ada: Caller) -> None:
    _, message = await library.talk(ada, "Apples and pears")
    await library.talk(ada, "Apples and plums")
    assert await library.found(ada, "apple -plum") == [message]
    assert await library.found(ada, "-plum") == []


async def test_the_last_word_is_found_by_its_beginning_while_it_is_typed(
    library: Library, ada: Caller
) -> None:
    _, message = await library.talk(ada, "An introduction to photosynthesis")
    assert await library.found(ada, "introduction photosy") == [message]
    assert await library.found(ada, "photosy ") == []


async def test_nobody_finds_what_is_somebody_elses(library: Library, ada: Caller, bob: Caller) -> None:
    _, hers = await library.talk(ada, "The treasure is under the oak")
    _, his = await library.talk(bob, "No treasure anywhere")
    assert await library.found(ada, "treasure") == [hers]
    assert await library.found(bob, "treasure") == [his]
    assert await library.found(bob, "oak") == []
    first = await library.page(ada, "treasure", limit=1)
    assert [item.hit and item.hit.id for item in first.items] == [hers]


async def test_a_cursor_of_somebody_elses_leads_to_nothing_of_theirs(
    library: Library, ada: Caller, bob: Caller
) -> None:
    for number in range(3):
        await library.talk(ada, f"A secret number {number}")
        await library.talk(bob, f"A secret number {number}")
    cursor = (await library.page(ada, "secret", limit=1)).next
    hers = {item.conversation_id for item in (await library.page(ada, "secret")).items}
    page = await library.page(bob, "secret", limit=20, before=cursor)
    assert not {item.conversation_id for item in page.items} & hers


async def test_a_conversation_is_one_result_with_its_best_message(library: Library, ada: Caller) -> None:
    conversation = await library.conversation(ada, "Gardens")
    await library.says(conversation, "A rose among many other things that are said here at length " * 5)
    best = await library.says(conversation, "Roses: rose, roses")
    _, other = await library.talk(ada, "A rose")
    page = await library.page(ada, "rose")
    assert {item.hit.id for item in page.items if item.hit} == {best, other}
    assert next(item.matches for item in page.items if item.conversation_id == conversation) == 2


async def test_a_title_is_found_and_counts_more(library: Library, ada: Caller) -> None:
    conversation = await library.conversation(ada, "Les volcans d’Auvergne")
    await library.says(conversation, "Tell me")
    await library.talk(ada, "One volcan")
    page = await library.page(ada, "volcan")
    assert page.items[0].conversation_id == conversation
    assert page.items[0].hit is None
    assert marked(page.items[0].title) == ["volcans"]


async def test_of_two_like_answers_the_newer_comes_first(library: Library, ada: Caller) -> None:
    _, old = await library.talk(ada, "The quick fox")
    library.clock += timedelta(days=200)
    _, new = await library.talk(ada, "The quick fox")
    assert await library.found(ada, "fox") == [new, old]


async def test_an_old_answer_that_fits_well_beats_a_new_one_in_passing(library: Library, ada: Caller) -> None:
    _, old = await library.talk(ada, "Fox, foxes: a fox is a fox")
    library.clock += timedelta(days=60)
    _, new = await library.talk(
        ada, "Among all this there is a fox once. " + "Nothing to see here, move on. " * 200
    )
    assert await library.found(ada, "fox") == [old, new]


async def test_words_side_by_side_come_before_words_apart(library: Library, ada: Caller) -> None:
    _, together = await library.talk(ada, "My credit card was lost in the park")
    _, apart = await library.talk(ada, "A card of the park gave credit to the lost")
    assert await library.found(ada, "credit card ") == [together, apart]


async def test_a_snippet_marks_the_words_and_leaves_markdown_out(library: Library, ada: Caller) -> None:
    text = (
        "# Intro\n\n"
        + "filler words go here. " * 40
        + "\n**The `Élève`** studied <b>hard</b>.\n"
        + "tail " * 90
    )
    await library.talk(ada, text)
    (item,) = (await library.page(ada, "eleve study ")).items
    snippet = snippet_of(item)
    assert marked(snippet) == ["Élève", "studied"]
    assert "The Élève studied <b>hard</b>." in plain(snippet)
    assert plain(snippet).startswith("… ")
    assert plain(snippet).endswith(" …")
    assert len(plain(snippet)) <= 210


async def test_results_are_paged_without_gap_or_repetition(library: Library, ada: Caller) -> None:
    wanted = {(await library.talk(ada, f"Plum number {number}"))[0] for number in range(11)}
    found: list[str] = []
    before: str | None = None
    for _ in range(4):
        page = await library.page(ada, "plum ", limit=3, before=before)
        found += [item.conversation_id for item in page.items]
        before = page.next
        # What is new meanwhile is found by a new search, and not between two pages of this one.
        library.clock += timedelta(days=1)
        await library.talk(ada, "Plum, plum, plum")
    assert before is None
    assert len(found) == 11
    assert set(found) == wanted


async def test_more_answers_than_are_ranked_at_once_are_all_found_once(
    library: Library, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causette.assistant.search.service._WINDOW", 4)
    talks = [await library.conversation(ada) for _ in range(9)]
    for number in range(27):
        await library.says(talks[number % 9], f"Plum number {number}")
    found: list[str] = []
    before: str | None = None
    while True:
        page = await library.page(ada, "plum ", limit=2, before=before)
        found += [item.conversation_id for item in page.items]
        before = page.next
        if before is None:
            break
    assert sorted(found) == sorted(talks)


async def test_results_are_filtered_by_time_role_and_model(library: Library, ada: Caller) -> None:
    conversation = await library.conversation(ada, "Plum")
    asked = await library.says(conversation, "A plum?")
    other = await library.conversation(ada)
    library.clock += timedelta(days=10)
    answered = await library.says(other, "A plum.", role="assistant", model="org/Big-1.5: β")
    assert await library.found(ada, "plum", Filters(role="user")) == [asked]
    assert await library.found(ada, "plum", Filters(role="assistant")) == [answered]
    assert await library.found(ada, "plum", Filters(model="org/Big-1.5: β")) == [answered]
    assert await library.found(ada, "plum", Filters(model="org/big")) == []
    assert await library.found(ada, "plum", Filters(since=NOON + timedelta(days=5))) == [answered]
    assert await library.found(ada, "plum", Filters(until=NOON + timedelta(days=5))) == [asked]
    assert await library.found(ada, "plum", Filters(since=NOON, until=NOON)) == []


async def test_what_is_deleted_is_gone_from_the_index_at_once(library: Library, ada: Caller) -> None:
    conversation, _ = await library.talk(ada, "An embarrassing plum", "Plum")
    kept, message = await library.talk(ada, "Another plum")
    second = await library.says(kept, "One more plum")
    assert len(await library.found(ada, "plum")) == 2
    async with library.database.write() as connection:
        await connection.execute(sa.delete(conversations).where(conversations.c.id == conversation))
        await connection.execute(sa.delete(messages).where(messages.c.id == message))
    page = await library.search.search(ada, "plum", Filters(), limit=9, before=None)
    assert [item.hit and item.hit.id for item in page.items] == [second]
    assert await words_in(library.database, "embarrassing") == 0


async def test_an_account_takes_its_words_along(library: Library, ada: Caller, bob: Caller) -> None:
    await library.talk(ada, "A private plum")
    await library.talk(bob, "A private pear")
    assert len(await library.found(ada, "private")) == 1
    async with library.database.write() as connection:
        await connection.execute(sa.text("DELETE FROM users WHERE id = :id"), {"id": ada.user.id})
    assert await words_in(library.database, "plum") == 0
    assert len(await library.found(bob, "private")) == 1


async def test_a_renamed_conversation_is_found_by_its_new_name_only(library: Library, ada: Caller) -> None:
    conversation, _ = await library.talk(ada, "Hello", "Turnips")
    assert len(await library.found(ada, "turnip")) == 1
    async with library.database.write() as connection:
        await connection.execute(
            sa.update(conversations).where(conversations.c.id == conversation).values(title="Parsnips")
        )
    assert await library.found(ada, "turnip") == []
    assert await library.found(ada, "parsnip") == [None]


async def test_a_temporary_conversation_is_not_found(library: Library, ada: Caller) -> None:
    conversation = await library.conversation(ada, "Plum", expires_at=NOON + timedelta(days=30_000))
    await library.says(conversation, "A plum")
    _, kept = await library.talk(ada, "A plum to keep")
    assert await library.found(ada, "plum") == [kept]


async def test_a_reply_is_found_when_it_is_written(here: Process, library: Library, ada: Caller) -> None:
    turn = await here.assistant.start(ada, content="What is violet?", model=None)
    call = await here.engine.called()
    call.say("An aubergine ")
    await eventually(lambda: here.store.events(turn.generation.id, 0), "the first words")
    assert await library.found(ada, "violet") == [turn.messages[0].id]
    assert await library.found(ada, "aubergine") == []
    call.say("is violet.")
    call.end()
    await read_to_end(here.assistant, ada, turn.generation.id)
    assert await library.found(ada, "aubergine") == [turn.messages[-1].id]


async def test_a_message_that_changes_is_found_by_what_it_says_now(library: Library, ada: Caller) -> None:
    _, message = await library.talk(ada, "A carrot")
    assert await library.found(ada, "carrot") == [message]
    async with library.database.write() as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message).values(content="A leek"))
    assert await library.found(ada, "carrot") == []
    assert await library.found(ada, "leek") == [message]
    assert await words_in(library.database, "carrot") == 0


async def test_all_of_a_long_message_is_found(library: Library, ada: Caller) -> None:
    long = " ".join(f"word{number}" for number in range(25_000))
    _, message = await library.talk(ada, f"{long} needle in the haystack")
    (item,) = (await library.page(ada, '"needle in the"')).items
    assert item.hit is not None
    assert item.hit.id == message
    assert marked(item.hit.snippet) == ["needle in the"]
    assert await library.found(ada, "word24999") == [message]


async def test_words_of_any_length_and_writing_can_be_indexed(library: Library, ada: Caller) -> None:
    _, message = await library.talk(
        ada,
        "x" * 5000
        + " 한국어 ไทย \U0001f9d1‍\U0001f680 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 '); -- \\ :*&|!()",
    )
    assert await library.found(ada, "x" * 5000) == [message]
    assert await library.found(ada, "한국어") == [message]
    assert await library.found(ada, "العربية") == [message]


async def test_thousands_of_messages_of_one_moment_are_all_found(library: Library, ada: Caller) -> None:
    conversation = await library.conversation(ada)
    rows = [
        {"id": new_id("msg"), "conversation_id": conversation, "role": "user", "content": f"plum n{number}"}
        | {"status": "complete", "created_at": NOON}
        for number in range(1500)
    ]
    async with library.database.write() as connection:
        await connection.execute(sa.insert(messages), rows)
    await library.search.indexer.catch_up()
    async with library.database.read() as connection:
        count = (
            await connection.execute(sa.select(sa.func.count()).select_from(search_documents))
        ).scalar_one()
    assert count == 1500 + 1
    assert len(await library.found(ada, "n1234 ")) == 1


async def test_a_backlog_is_worked_off_newest_first_after_what_is_new(library: Library, ada: Caller) -> None:
    _, oldest = await library.talk(ada, "The oldest plum")
    _, old = await library.talk(ada, "An old plum")
    async with library.database.write() as connection:
        # As the migration leaves what it finds.
        await connection.execute(sa.delete(search_pending))
        await connection.execute(
            sa.insert(search_pending),
            [{"seq": -2, "message_id": oldest}, {"seq": -1, "message_id": old}],
        )
    _, new = await library.talk(ada, "A new plum")
    found: list[list[str | None]] = []
    store = SearchStore(library.database)
    left = [await store.remaining()]
    for _ in range(4):
        assert await store.index_some(1) == 1
        page = await library.search.search(ada, "plum", Filters(), limit=9, before=None)
        found.append(sorted(item.hit.id for item in page.items if item.hit))
        left.append(page.remaining)
    assert found == [[new], [new], sorted([old, new]), sorted([oldest, old, new])]
    assert left == [2, 2, 2, 1, 0]


async def test_the_index_is_kept_in_the_background(library: Library, ada: Caller) -> None:
    indexer = Indexer(SearchStore(library.database))
    indexer.open()
    try:
        _, message = await library.talk(ada, "A plum")

        async def found() -> bool:
            page = await library.search.search(ada, "plum", Filters(), limit=9, before=None)
            return [item.hit and item.hit.id for item in page.items] == [message]

        await eventually(found, "the message in the index")
    finally:
        await indexer.close()


async def test_processes_that_index_at_once_index_everything_once(
    library: Library, ada: Caller, database_url: str
) -> None:
    for number in range(60):
        await library.talk(ada, f"Plum {number}")
    async with Database.from_url(database_url) as other:

        async def work(database: Database) -> None:
            store = SearchStore(database)
            while await store.is_pending():
                await store.index_some(7)

        await asyncio.gather(work(library.database), work(other))
    async with library.database.read() as connection:
        rows = (await connection.execute(sa.select(search_documents.c.message_id))).scalars().all()
    said = [row for row in rows if row is not None]
    assert len(said) == len(set(said)) == 60


async def test_what_is_no_cursor_of_a_search_is_refused(library: Library, ada: Caller) -> None:
    for before in ("x", "MSAyIDM", "LTEgMA", "é"):
        with pytest.raises(InvalidRequest) as refused:
            await library.page(ada, "plum", before=before)
        assert refused.value.param == "before"


async def test_a_search_goes_by_the_index_and_through_no_table(library: Library, ada: Caller) -> None:
    for number in range(300):
        await library.talk(ada, f"Plum {number} and some other words")
    await library.search.indexer.catch_up()
    owner, _ = await SearchStore(library.database).owner(ada.user.id)
    assert owner is not None
    match = match_of(owner, read_query("plum word"), Filters(role="user"), library.database.dialect)
    values = {"match": match, "first": 0, "last": 2**63 - 1, "limit": 20, "owner": ada.user.id}
    if library.database.dialect == "sqlite":
        steps = await explained(library.database, "EXPLAIN QUERY PLAN", SQLITE_CANDIDATES, values)
        scans = [step for step in steps if step.startswith("SCAN") and not step.startswith("SCAN found")]
        assert len(scans) == 1
        assert scans[0].startswith("SCAN search_index VIRTUAL TABLE INDEX")
        return
    # So small a table is read from end to end faster than by any index.
    before = ("ANALYZE search_documents", "SET LOCAL enable_seqscan = off")
    found = await explained(library.database, "EXPLAIN", POSTGRES_CANDIDATES, values, *before)
    assert any("Bitmap Index Scan on ix_search_documents_terms" in step for step in found)
    newest = await explained(library.database, "EXPLAIN", NEWEST_CANDIDATES, values | {"newest": 9}, *before)
    assert any("Index Scan Backward using pk_search_documents" in step for step in newest)
    assert not any("Seq Scan" in step for step in (*found, *newest))


async def explained(
    database: Database, how: str, query: sa.Select[Any], values: dict[str, object], *before: str
) -> list[str]:
    """The database's plan for a query, step by step."""
    async with database.write() as connection:
        for statement in before:
            await connection.execute(sa.text(statement))
        dialect = connection.dialect
        text = query.params(**values).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        return [str(row[-1]) for row in await connection.exec_driver_sql(f"{how} {text}")]


async def words_in(database: Database, word: str) -> int:
    """How many documents of anybody's have a word, as the index itself says."""
    async with database.read() as connection:
        if database.dialect == "sqlite":
            query = sa.text("SELECT count(*) FROM search_index WHERE search_index MATCH :match")
            total = 0
            for number in range(1, 10):
                rows = await connection.execute(query, {"match": f'"{search_store._number(number)}.{word}"'})
                total += rows.scalar_one()
            return total
        query = sa.text("SELECT count(*) FROM search_documents WHERE terms::text LIKE :match")
        return (await connection.execute(query, {"match": f"%.{word}'%"})).scalar_one()
