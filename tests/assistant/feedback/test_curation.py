"""From what people said to examples that the lab learns from, on each kind of database."""

import pytest

from causette.accounts import Caller
from causette.assistant.feedback.service import FeedbackRoom
from causette.assistant.store import AssistantStore
from causette.assistant.tree.service import Tree
from causette.db import Database
from causette.errors import InvalidRequest, NotFound
from causette.lab.data.forms import record_of
from causette.lab.flywheel.curation import Curation, rows_of
from causette.lab.types import Labelled, Message, Preference
from tests.assistant.feedback.test_feedback import agree, room  # noqa: F401 - a fixture
from tests.assistant.test_tree import said


@pytest.fixture
def curation(database: Database, room: FeedbackRoom) -> Curation:  # noqa: F811 - a fixture
    return Curation(database, room)


async def test_examples_are_of_consented_feedback_and_go_with_the_consent(
    room: FeedbackRoom,  # noqa: F811
    curation: Curation,
    store: AssistantStore,
    ada: Caller,
    bob: Caller,
) -> None:
    mine = await said(store, ada, "Capital of Australia?", "Sydney.")
    his = await said(store, bob, "Capital of France?", "Paris.")
    await room.rate(ada, mine[1].id, "down")
    await room.rate(bob, his[1].id, "up")
    assert await curation.collect() == {}
    await agree(room, ada)
    await agree(room, bob)
    assert await curation.collect() == {("pending", "thumb"): 2}
    await agree(room, ada, given=False)
    assert await curation.collect() == {("pending", "thumb"): 1}
    (left,) = await curation.examples()
    assert (left.prompt, left.chosen, left.rejected) == (
        (Message("user", "Capital of France?"),),
        "Paris.",
        None,
    )


async def test_what_is_taken_back_is_gone_at_once_and_what_is_said_anew_is_looked_at_anew(
    room: FeedbackRoom,  # noqa: F811
    curation: Curation,
    store: AssistantStore,
    ada: Caller,
) -> None:
    reply = (await said(store, ada, "Capital of Australia?", "Sydney."))[1]
    await agree(room, ada)
    await room.rate(ada, reply.id, "up")
    await curation.collect()
    (example,) = await curation.examples()
    assert await curation.decide(ada, [example.id, "ex_nobody"], "kept") == 1
    assert await curation.collect() == {("kept", "thumb"): 1}
    rated = await room.rate(ada, reply.id, "down")
    assert await curation.collect() == {("pending", "thumb"): 1}
    assert (await curation.examples())[0].rejected == "Sydney."
    await room.delete(ada, rated.id)
    assert await curation.examples() == []


async def test_what_tells_who_somebody_is_is_taken_out_everywhere_and_counted(
    room: FeedbackRoom,  # noqa: F811
    curation: Curation,
    store: AssistantStore,
    ada: Caller,
) -> None:
    name = ada.user.name
    reply = (await said(store, ada, f"I am {name}, a@example.org.", f"Hello {name}!"))[1]
    await agree(room, ada)
    await room.rate(ada, reply.id, "down", comment="Ask b@example.org.")
    await curation.collect()
    (example,) = await curation.examples()
    assert example.prompt[0].content == "I am [name], [email]."
    assert (example.rejected, example.comment) == ("Hello [name]!", "Ask [email].")
    assert example.scrubbed == {"name": 2, "email": 2}


async def test_words_are_changed_by_hand_and_kept(
    room: FeedbackRoom,  # noqa: F811
    curation: Curation,
    store: AssistantStore,
    ada: Caller,
) -> None:
    reply = (await said(store, ada, "Who is Zoe?", "Zoe Martin lives in Lyon."))[1]
    await agree(room, ada)
    await room.rate(ada, reply.id, "up")
    await curation.collect()
    (example,) = await curation.examples(verdict="pending")
    changed = await curation.rewrite(ada, example.id, prompt=["Who is [name]?"], chosen="I do not know.")
    assert (changed.prompt[0].content, changed.chosen, changed.verdict) == (
        "Who is [name]?",
        "I do not know.",
        "kept",
    )
    for wrong, param in (
        ({"prompt": []}, "prompt"),
        ({"chosen": "  "}, "chosen"),
        ({"rejected": "x"}, "rejected"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await curation.rewrite(ada, example.id, **wrong)
        assert refused.value.param == param
    with pytest.raises(NotFound):
        await curation.rewrite(ada, "ex_nobody", chosen="x")


async def test_the_lab_reads_what_is_written(
    room: FeedbackRoom,  # noqa: F811
    curation: Curation,
    store: AssistantStore,
    tree: Tree,
    ada: Caller,
) -> None:
    first = await said(store, ada, "Capital of Australia?", "Sydney.")
    _, better = await tree.correct(ada, first[1].id, "Canberra.")
    second = await said(store, ada, "Capital of France?", "Paris.")
    await agree(room, ada)
    await room.prefer(ada, better.id, first[1].id)
    await room.rate(ada, second[1].id, "up")
    await curation.collect()
    examples = await curation.examples()
    question = (Message("user", "Capital of Australia?"),)
    assert [record_of(row) for row in rows_of(examples, pairs=True)] == [
        Preference(prompt=question, chosen="Canberra.", rejected="Sydney.")
    ]
    assert [record_of(row) for row in rows_of(examples, pairs=False)] == [
        Labelled(prompt=question, completion="Canberra.", label=True),
        Labelled(prompt=question, completion="Sydney.", label=False),
        Labelled(prompt=(Message("user", "Capital of France?"),), completion="Paris.", label=True),
    ]
