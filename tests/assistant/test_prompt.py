"""What a model gets to see of a conversation."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from causette.assistant.generation.prompt import fitting, longest_reply, shortened, turns_of
from causette.assistant.types import Message, Status
from causette.clock import utc_now
from causette.engines.types import ChatMessage

turns = st.lists(
    st.builds(ChatMessage, st.sampled_from(["user", "assistant"]), st.text(min_size=1, max_size=400)),
    min_size=1,
    max_size=30,
)


@given(turns=turns, context=st.integers(1, 4096))
def test_the_newest_turns_fit_beside_a_reply(turns: list[ChatMessage], context: int) -> None:
    kept = fitting(turns, context)
    assert kept == turns[len(turns) - len(kept) :]
    assert kept[-1] == turns[-1]
    assert len(kept) == 1 or kept[0].role == "user"
    room = (context - longest_reply(context)) * 4
    assert len(kept) == 1 or sum(len(turn.content) for turn in kept) <= room


@given(turns=turns)
def test_shortening_again_and_again_ends_with_the_question(turns: list[ChatMessage]) -> None:
    while len(turns) > 1:
        fewer = shortened(turns)
        assert fewer == turns[len(turns) - len(fewer) :]
        assert len(fewer) < len(turns)
        turns = fewer
    assert shortened(turns) == turns


@given(context=st.integers(1, 200_000))
def test_a_reply_leaves_most_of_the_context_to_the_conversation(context: int) -> None:
    assert 1 <= longest_reply(context) <= max(1, context // 4)


def test_a_model_that_sees_is_shown_what_people_sent_and_told_of_what_replies_drew() -> None:
    picture: dict[str, object] = {
        "id": "file_1",
        "name": "rose.png",
        "kind": "image",
        "media_type": "image/png",
        "sha256": "ab",
    }
    sent = Message(
        id="msg_1",
        owner_id="user_1",
        conversation_id="conv_1",
        parent_id=None,
        role="user",
        content="Draw it",
        model=None,
        status=Status.COMPLETE,
        error_code=None,
        error_message=None,
        finish_reason=None,
        generation_id=None,
        created_at=utc_now(),
        attachments=[picture],
    )
    drawn = replace(sent, id="msg_2", role="assistant", content="", attachments=[picture | {"id": "file_2"}])
    question, reply = turns_of([sent, drawn], sees=True)
    assert [each.sha256 for each in question.pictures] == ["ab"]
    assert reply.pictures == ()
    assert "rose.png" in reply.content
