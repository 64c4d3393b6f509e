"""Finding a text in the branch that a conversation shows, on both databases alike."""

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.tables import messages
from causette.assistant.thread.finding import as_looked_for, occurrences
from causette.assistant.thread.service import Threads
from causette.db import Database
from causette.errors import InvalidRequest, NotFound
from tests.assistant.conftest import Process
from tests.assistant.thread.trees import planted, straight


@pytest.fixture
def threads(database: Database, here: Process) -> Threads:
    return Threads(database, here.assistant)


async def write(database: Database, message: str, content: str) -> None:
    async with database.write() as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message).values(content=content))


@pytest.mark.parametrize(
    ("written", "wanted", "count"),
    [
        ("Les Élèves, l'élève et ELEVE", "eleve", 3),
        ("Une œuvre d’art", "OEUVRE D'ART", 1),
        ("100% of _this_ is literal: 100%", "100%", 2),
        ("one\n  two one\u00a0two", "one two", 2),
        ("a C++ (and a c++)", "c++ (and", 1),
        ("aaaa", "aa", 2),
        ("running", "run late", 0),
    ],
)
def test_a_text_is_found_as_it_is_written_whatever_its_case_accents_quotes_and_spaces(
    written: str, wanted: str, count: int
) -> None:
    assert occurrences(as_looked_for(wanted), written, markdown=False) == count


# What the page draws of the same Markdown is tested with the same file, in `web/src/find/places.test.tsx`.
SHOWN = json.loads((Path(__file__).parent / "shown.json").read_text())


@pytest.mark.parametrize("sample", SHOWN, ids=[sample["why"] for sample in SHOWN])
def test_what_a_reply_shows_is_found_and_its_marks_are_not(sample: dict[str, Any]) -> None:
    found = {
        wanted: occurrences(as_looked_for(wanted), sample["markdown"], markdown=True)
        for wanted in sample["counts"]
    }
    assert found == sample["counts"]


def test_what_a_person_wrote_is_shown_as_it_is() -> None:
    assert occurrences("**big**", "the **big** house", markdown=False) == 1
    assert occurrences("the big house", "the **big** house", markdown=False) == 0


def test_what_is_shown_as_a_card_is_not_found_in_its_source() -> None:
    for block in (
        "```svg\n<svg>crane</svg>\n```",
        "```html\n<body>crane</body>\n```",
        "~~~mermaid\ncrane\n~~~",
    ):
        assert occurrences("crane", f"Here:\n\n{block}\n\nA crane.", markdown=True) == 1
    assert occurrences("crane", "```html\n<p>crane</p>\n```", markdown=True) == 1


def test_marks_without_end_take_no_longer_than_words() -> None:
    began = perf_counter()
    for mark in ("*", "_", "`", "[", "~", "$", "\\(", "<", "&", "|", "> ", "- ", "# ", "](", "**a", "*a **"):
        occurrences("x", mark * 20_000, markdown=True)
    assert perf_counter() - began < 20


async def test_matches_are_those_of_the_branch_that_is_shown_oldest_first(
    database: Database, threads: Threads, ada: Caller
) -> None:
    conversation, ids = await planted(database, ada, [None, 0, 0, 1, 2], shown=3)
    for place in (0, 2, 3):
        await write(database, ids[place], "Déjà vu, deja vu")
    found = await threads.matches(ada, conversation, "déjà")
    assert [(each.message_id, each.count) for each in found] == [(ids[0], 2), (ids[3], 2)]


async def test_matches_are_found_in_a_conversation_of_any_length(
    database: Database, threads: Threads, ada: Caller
) -> None:
    conversation, ids = await planted(database, ada, straight(5_000))
    found = await threads.matches(ada, conversation, "word 499")
    assert [each.message_id for each in found] == [ids[499], *ids[4_990:]]
    assert len(await threads.matches(ada, conversation, "w")) == 5_000


async def test_what_is_said_so_far_of_a_reply_being_written_is_found(
    here: Process, threads: Threads, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("One, two")
    log = here.assistant.events(turn.generation, 0)
    while (event := await anext(log)) is None or "One" not in event.data:
        pass
    (found,) = await threads.matches(ada, turn.conversation.id, "one, two")
    assert found.count == 1
    await log.aclose()


async def test_nothing_is_found_in_what_is_somebody_elses_or_for_nothing(
    database: Database, threads: Threads, ada: Caller, bob: Caller
) -> None:
    conversation, _ = await planted(database, ada, straight(2))
    with pytest.raises(NotFound):
        await threads.matches(bob, conversation, "word")
    for nothing in (" ", "\u0301", "\n\t"):
        with pytest.raises(InvalidRequest, match="nothing to look for"):
            await threads.matches(ada, conversation, nothing)
