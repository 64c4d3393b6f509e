"""Custom instructions: what is kept, what a model is told, and who reads them."""

from pathlib import Path

import pytest

from causette.accounts import Caller
from causette.accounts.store import delete_user
from causette.assistant.generation.preface import Asking
from causette.assistant.instructions.service import LONGEST, CustomInstructions
from causette.assistant.instructions.types import Instructions
from causette.db import Database
from causette.errors import InvalidRequest
from tests.house import open_house


@pytest.fixture
def instructions(database: Database) -> CustomInstructions:
    return CustomInstructions(database)


async def told(instructions: CustomInstructions, caller: Caller) -> list[tuple[str, str]]:
    asking = Asking(
        caller=caller, conversation_id="conv_x", generation_id="gen_x", model="scripted", branch=()
    )
    return [(piece.kind, piece.text) for piece in await instructions.preface(asking)]


async def test_who_has_written_none_has_empty_ones(instructions: CustomInstructions, ada: Caller) -> None:
    assert await instructions.of(ada) == Instructions()
    assert await told(instructions, ada) == []


async def test_what_is_written_is_kept_and_told(
    instructions: CustomInstructions, ada: Caller, bob: Caller
) -> None:
    await instructions.change(ada, about="  I cook.\0 ")
    changed = await instructions.change(ada, answers="Briefly.")
    assert (changed.about, changed.answers, changed.enabled) == ("I cook.", "Briefly.", True)
    assert await instructions.of(ada) == changed
    assert await told(instructions, ada) == [
        (
            "custom",
            "What the person you talk with says about themselves:\nI cook.\n\n"
            "How they want you to answer:\nBriefly.",
        )
    ]
    assert await told(instructions, bob) == []
    await instructions.change(ada, about="")
    assert await told(instructions, ada) == [("custom", "How they want you to answer:\nBriefly.")]


async def test_what_is_off_is_kept_and_not_told(instructions: CustomInstructions, ada: Caller) -> None:
    await instructions.change(ada, about="I cook.", enabled=False)
    assert (await instructions.of(ada)).about == "I cook."
    assert await told(instructions, ada) == []
    await instructions.change(ada, enabled=True)
    assert len(await told(instructions, ada)) == 1


async def test_texts_that_are_too_long_are_refused_with_their_field(
    instructions: CustomInstructions, ada: Caller
) -> None:
    kept = await instructions.change(ada, about="x" * LONGEST, answers="x" * LONGEST)
    with pytest.raises(InvalidRequest, match="1,501 characters; at most 1,500") as caught:
        await instructions.change(ada, about="y" * (LONGEST + 1))
    assert caught.value.param == "about"
    with pytest.raises(InvalidRequest, match="1,501 characters; at most 1,500") as caught:
        await instructions.change(ada, answers="y" * (LONGEST + 1))
    assert caught.value.param == "answers"
    assert await instructions.of(ada) == kept


async def test_they_are_exported_and_go_with_the_account(
    instructions: CustomInstructions, database: Database, ada: Caller, bob: Caller
) -> None:
    await instructions.change(ada, about="I cook.")
    exported = await instructions.personal_data(ada)
    assert exported["custom_instructions"]["about"] == "I cook."  # pyright: ignore
    assert await instructions.personal_data(bob) == {"custom_instructions": None}
    async with database.write() as connection:
        await delete_user(connection, ada.user.id)
    assert await instructions.of(ada) == Instructions()


async def test_a_model_reads_them_before_a_conversation(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada = await opened.person("ada")
        answer = await opened.client.patch(
            "/api/instructions", json={"about": "I keep bees."}, headers=ada.cookie
        )
        assert answer.json()["longest"] == LONGEST
        started = await opened.client.post(
            "/api/conversations", json={"content": "Hello"}, headers=ada.cookie
        )
        assert started.status_code == 201
        role, text = (await opened.engine.called()).turns[0]
        assert role == "system"
        assert "I keep bees." in text
