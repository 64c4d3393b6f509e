"""Projects: what they are made of, who reaches them, and what goes with them."""

import pytest

from causette.accounts import Caller
from causette.assistant.generation.preface import Asking
from causette.assistant.projects import service
from causette.assistant.projects.service import Projects
from causette.assistant.service import Assistant
from causette.errors import Conflict, InvalidRequest, NotFound


async def told(projects: Projects, caller: Caller, conversation_id: str) -> list[tuple[str, str]]:
    asking = Asking(
        caller=caller, conversation_id=conversation_id, generation_id="gen_x", model="scripted", branch=()
    )
    return [(piece.kind, piece.text) for piece in await projects.preface(asking)]


async def test_a_project_is_made_changed_and_listed(projects: Projects, ada: Caller) -> None:
    made = await projects.create(
        ada, name="  Kitchen ", emoji="🥕", colour="green", instructions=" Be brief.\0 "
    )
    assert (made.name, made.emoji, made.colour, made.instructions) == ("Kitchen", "🥕", "green", "Be brief.")
    changed = await projects.change(ada, made.id, name="Garden", emoji=None)
    assert (changed.name, changed.emoji, changed.instructions) == ("Garden", None, "Be brief.")
    assert changed.updated_at > made.updated_at
    other = await projects.create(ada, name="Other")
    assert [project.id for project in await projects.list(ada)] == [made.id, other.id]
    assert await projects.change(ada, other.id) == other


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧", "🇫🇷", "❤️", "1️⃣", "👍🏽", "☕"])
async def test_any_emoji_is_taken(projects: Projects, ada: Caller, emoji: str) -> None:
    assert (await projects.create(ada, name="One", emoji=emoji)).emoji == emoji


@pytest.mark.parametrize("emoji", ["a", "12", "<b>", "☕ x", "☕" * 17, "\u202e☕a"])
async def test_what_is_no_emoji_is_refused(projects: Projects, ada: Caller, emoji: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await projects.create(ada, name="One", emoji=emoji)
    assert caught.value.param == "emoji"


async def test_names_and_instructions_have_their_bounds(projects: Projects, ada: Caller) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await projects.create(ada, name=" ")
    assert caught.value.param == "name"
    with pytest.raises(InvalidRequest, match="8,001 characters") as caught:
        await projects.create(ada, name="One", instructions="x" * 8_001)
    assert caught.value.param == "instructions"
    assert await projects.list(ada) == []


async def test_one_has_so_many_projects_and_no_more(
    projects: Projects, ada: Caller, bob: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_MOST_PROJECTS", 2)
    for name in ("One", "Two"):
        await projects.create(ada, name=name)
    with pytest.raises(Conflict) as caught:
        await projects.create(ada, name="Three")
    assert caught.value.code == "too_many_projects"
    await projects.create(bob, name="One")


async def test_a_strangers_project_is_not_found(
    projects: Projects, assistant: Assistant, ada: Caller, bob: Caller
) -> None:
    project = await projects.create(ada, name="Mine")
    bobs = await assistant.start(bob, content="Hello", model=None)
    attempts = [
        projects.find(bob, project.id),
        projects.change(bob, project.id, name="x"),
        projects.delete(bob, project.id, with_conversations=True),
        assistant.start(bob, content="x", model=None, project_id=project.id),
        assistant.change(bob, bobs.conversation.id, project_id=project.id),
        assistant.change_many(bob, [bobs.conversation.id], project_id=project.id),
        assistant.conversations(bob, limit=5, before=None, project_id=project.id),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt
    assert await projects.list(ada) == [project]
    assert await projects.list(bob) == []


async def test_a_deleted_project_leaves_its_conversations_or_takes_them_along(
    projects: Projects, assistant: Assistant, ada: Caller
) -> None:
    for with_conversations in (False, True):
        project = await projects.create(ada, name="Kitchen", instructions="Be brief.")
        turn = await assistant.start(ada, content="Soup?", model=None, project_id=project.id)
        assert turn.conversation.project_id == project.id
        assert await told(projects, ada, turn.conversation.id) == [("project", "Be brief.")]
        await projects.delete(ada, project.id, with_conversations=with_conversations)
        assert await projects.list(ada) == []
        assert await told(projects, ada, turn.conversation.id) == []
        if with_conversations:
            with pytest.raises(NotFound):
                await assistant.find(ada, turn.conversation.id)
        else:
            assert (await assistant.find(ada, turn.conversation.id)).project_id is None


async def test_instructions_are_those_of_the_project_that_a_conversation_is_in_now(
    projects: Projects, assistant: Assistant, ada: Caller
) -> None:
    one = await projects.create(ada, name="One", instructions="In one word.")
    silent = await projects.create(ada, name="Two")
    conversation = (await assistant.start(ada, content="Soup?", model=None)).conversation.id
    assert await told(projects, ada, conversation) == []
    await assistant.change(ada, conversation, project_id=one.id)
    assert await told(projects, ada, conversation) == [("project", "In one word.")]
    await projects.change(ada, one.id, instructions="In two words.")
    assert await told(projects, ada, conversation) == [("project", "In two words.")]
    await assistant.change(ada, conversation, project_id=silent.id)
    assert await told(projects, ada, conversation) == []


async def test_an_export_has_the_projects(projects: Projects, ada: Caller, bob: Caller) -> None:
    await projects.create(ada, name="Kitchen")
    await projects.create(bob, name="Bob's")
    exported = await projects.personal_data(ada)
    assert [project["name"] for project in exported["projects"]] == ["Kitchen"]  # pyright: ignore
