"""Ratings, preferences, corrections, and the consent under which models learn from them."""

from dataclasses import replace

import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.feedback.service import FeedbackRoom
from causette.assistant.feedback.store import feedback, training_consents
from causette.assistant.feedback.types import CONSENT_VERSION, Count, Rating, Reason, Turn
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import messages
from causette.assistant.tree.service import Tree
from causette.assistant.types import Message
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.releases import Release
from causette.releases.types import Bounds, Thumbs
from tests.assistant.test_tree import said


@pytest.fixture
def room(database: Database, assistant: Assistant) -> FeedbackRoom:
    return FeedbackRoom(database, assistant)


@pytest_asyncio.fixture
async def dialogue(store: AssistantStore, ada: Caller) -> list[Message]:
    """Two questions with their replies."""
    first = await said(store, ada, "Capital of Australia?", "Sydney.")
    return [*first, *await said(store, ada, "Sure?", "No.", after=first[1])]


async def agree(room: FeedbackRoom, caller: Caller, *, given: bool = True) -> None:
    await room.answer(caller, given=given, version=CONSENT_VERSION)


async def test_a_rating_takes_the_place_of_the_one_before(
    room: FeedbackRoom, ada: Caller, dialogue: list[Message]
) -> None:
    reply = dialogue[1]
    first = await room.rate(ada, reply.id, "up", reasons=["clear"])
    second = await room.rate(
        ada, reply.id, "down", reasons=["tone", "inaccurate", "tone"], comment=" It is\0 Canberra. "
    )
    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert (second.rating, second.reasons, second.comment) == (
        "down",
        ["inaccurate", "tone"],
        "It is Canberra.",
    )
    assert await room.of_conversation(ada, reply.conversation_id) == [second]
    await room.delete(ada, second.id)
    assert await room.of_conversation(ada, reply.conversation_id) == []


async def test_of_two_versions_one_is_better_until_the_other_is(
    room: FeedbackRoom, tree: Tree, ada: Caller, dialogue: list[Message]
) -> None:
    _, other = await tree.correct(ada, dialogue[1].id, "Canberra.")
    _, third = await tree.correct(ada, dialogue[1].id, "Canberra, since 1927.")
    first = await room.prefer(ada, third.id, other.id)
    second = await room.prefer(ada, other.id, third.id, reasons=["complete"])
    assert (first.kind, second.kind) == ("comparison", "comparison")
    assert (second.id, second.message_id, second.other_id) == (first.id, other.id, third.id)
    corrected = await room.prefer(ada, other.id, dialogue[1].id)
    assert corrected.kind == "correction"
    assert len(await room.of_conversation(ada, other.conversation_id)) == 2


async def test_only_versions_of_one_reply_are_compared(
    room: FeedbackRoom, ada: Caller, dialogue: list[Message]
) -> None:
    for other in (dialogue[1], dialogue[3]):
        with pytest.raises(InvalidRequest) as caught:
            await room.prefer(ada, dialogue[1].id, other.id)
        assert caught.value.param == "over"


@pytest.mark.parametrize(
    ("rating", "reasons", "comment", "param"),
    [
        ("up", ["unsafe"], "", "reasons"),
        ("down", ["clear"], "", "reasons"),
        ("up", [], "x" * 2_001, "comment"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    room: FeedbackRoom,
    ada: Caller,
    dialogue: list[Message],
    rating: Rating,
    reasons: list[Reason],
    comment: str,
    param: str,
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await room.rate(ada, dialogue[1].id, rating, reasons=reasons, comment=comment)
    assert caught.value.param == param
    with pytest.raises(InvalidRequest, match="Only replies"):
        await room.rate(ada, dialogue[0].id, "up")


async def test_nothing_is_kept_of_what_is_temporary_or_still_being_written(
    room: FeedbackRoom, assistant: Assistant, store: AssistantStore, ada: Caller
) -> None:
    temporary = await assistant.start(ada, content="Psst", model=None, temporary=True)
    await assistant.stop(ada, temporary.generation.id)
    with pytest.raises(Conflict) as caught:
        await room.rate(ada, temporary.messages[1].id, "up")
    assert caught.value.code == "temporary"
    _, made, _, _ = await store.begin(
        owner_id=ada.user.id,
        workspace_id=None,
        model="scripted",
        writer_id="nobody",
        conversation_id=None,
        parent_id=None,
        content="Hello",
        title="Hello",
    )
    with pytest.raises(Conflict) as caught:
        await room.rate(ada, made[1].id, "up")
    assert caught.value.code == "still_writing"


async def test_a_stranger_finds_nothing(
    room: FeedbackRoom, ada: Caller, bob: Caller, dialogue: list[Message]
) -> None:
    said = await room.rate(ada, dialogue[1].id, "up")
    for attempt in (
        room.rate(bob, dialogue[1].id, "down"),
        room.prefer(bob, dialogue[1].id, dialogue[3].id),
        room.of_conversation(bob, dialogue[1].conversation_id),
        room.delete(bob, said.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await room.of_conversation(ada, dialogue[1].conversation_id) == [said]


async def test_models_learn_only_from_whoever_agreed_and_for_as_long_as_they_do(
    room: FeedbackRoom, ada: Caller, bob: Caller, store: AssistantStore, dialogue: list[Message]
) -> None:
    before = await room.rate(ada, dialogue[1].id, "down")
    _, bobs = await said(store, bob, "Hello", "Hi.")
    await room.rate(bob, bobs.id, "up")
    assert await room.consent(ada) is None
    assert await room.examples() == []

    await agree(room, ada)
    after = await room.rate(ada, dialogue[3].id, "up")
    assert [example.id for example in await room.examples()] == [before.id, after.id]
    assert await room.counts() == [
        Count(model="scripted", kind="rating", rating="down", count=1, usable=1),
        Count(model="scripted", kind="rating", rating="up", count=2, usable=1),
    ]

    await agree(room, ada, given=False)
    answered = await room.consent(ada)
    assert answered is not None and not answered.holds
    await room.rate(ada, dialogue[3].id, "down")
    assert await room.examples() == []
    assert sum(count.usable for count in await room.counts()) == 0

    await agree(room, ada)
    assert [example.id for example in await room.examples()] == [before.id, after.id]


async def test_an_answer_to_other_words_is_no_answer(
    room: FeedbackRoom, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Conflict) as caught:
        await room.answer(ada, given=True, version="1999-01")
    assert caught.value.code == "consent_changed"
    await agree(room, ada)
    monkeypatch.setattr("causette.assistant.feedback.service.CONSENT_VERSION", "2099-01")
    assert await room.consent(ada) is None


async def test_an_example_has_the_branch_and_what_should_and_should_not_follow(
    room: FeedbackRoom, tree: Tree, ada: Caller, dialogue: list[Message]
) -> None:
    await agree(room, ada)
    _, correction = await tree.correct(ada, dialogue[3].id, "Sorry: Canberra.")
    await room.rate(ada, dialogue[3].id, "down", reasons=["inaccurate"], comment="Which then?")
    await room.rate(ada, dialogue[1].id, "up")
    await room.prefer(ada, correction.id, dialogue[3].id)
    down, up, corrected = await room.examples()
    branch = (
        Turn("user", "Capital of Australia?"),
        Turn("assistant", "Sydney."),
        Turn("user", "Sure?"),
    )
    assert (down.prompt, down.chosen, down.rejected) == (branch, None, "No.")
    assert (down.chosen_model, down.rejected_model) == (None, "scripted")
    assert (down.reasons, down.comment, down.consent_version) == (
        ["inaccurate"],
        "Which then?",
        CONSENT_VERSION,
    )
    assert (up.prompt, up.chosen, up.rejected, up.chosen_model) == (branch[:1], "Sydney.", None, "scripted")
    assert (corrected.kind, corrected.prompt) == ("correction", branch)
    assert (corrected.chosen, corrected.rejected) == ("Sorry: Canberra.", "No.")
    assert (corrected.chosen_model, corrected.rejected_model) == (None, "scripted")
    assert await room.examples(kind="correction") == [corrected]
    assert await room.examples(after=down.id, limit=1) == [up]


async def test_feedback_goes_with_its_reply_and_everything_with_the_account(
    room: FeedbackRoom,
    database: Database,
    tree: Tree,
    assistant: Assistant,
    ada: Caller,
    dialogue: list[Message],
) -> None:
    await agree(room, ada)
    kept = await room.rate(ada, dialogue[1].id, "up")
    await room.rate(ada, dialogue[3].id, "up")
    await tree.delete(ada, dialogue[2].id)
    assert await room.of_conversation(ada, kept.conversation_id) == [kept]
    exported = await room.personal_data(ada)
    assert [each["id"] for each in exported["feedback"]] == [kept.id]  # pyright: ignore
    assert [each["version"] for each in exported["training_consents"]] == [CONSENT_VERSION]  # pyright: ignore
    await assistant.delete(ada, kept.conversation_id)
    assert await room.examples() == []
    async with database.write() as connection:
        await connection.execute(sa.text("DELETE FROM users WHERE id = :id"), {"id": ada.user.id})
        for table in (feedback, training_consents):
            rows = await connection.execute(sa.select(sa.func.count()).select_from(table))
            assert rows.scalar_one() == 0


async def test_a_canarys_replies_are_compared_with_what_was_written_as_before_meanwhile(
    room: FeedbackRoom, store: AssistantStore, database: Database, ada: Caller, dialogue: list[Message]
) -> None:
    await room.rate(ada, dialogue[1].id, "down")
    release = Release(
        id="rel_1",
        model="scripted",
        artifact_id="art_1",
        approval_id="appr_1",
        state="canary",
        share_percent=50,
        bounds=Bounds(),
        previous_id=None,
        begun_by="ada@example.org",
        begun_at=utc_now(),
        promoted_at=None,
        ended_at=None,
        reason="",
    )
    # What was written before is no part of it, though it be rated now.
    await room.rate(ada, dialogue[3].id, "down")
    ratings: tuple[tuple[str | None, Rating], ...] = (
        ("rel_1", "up"),
        ("rel_1", "down"),
        ("rel_1", "down"),
        ("rel_0", "up"),
        (None, "up"),
    )
    for written_by, rating in ratings:
        _, reply = await said(store, ada, "Capital of Australia?", "Canberra.")
        async with database.write() as connection:
            changed = sa.update(messages).where(messages.c.id == reply.id).values(release_id=written_by)
            await connection.execute(changed)
        await room.rate(ada, reply.id, rating)
    assert await room.rated_since(release) == {
        "canary": Thumbs(up=1, down=2),
        "stable": Thumbs(up=2, down=0),
    }
    elsewhere = replace(release, model="another")
    assert await room.rated_since(elsewhere) == {"canary": Thumbs(), "stable": Thumbs()}
