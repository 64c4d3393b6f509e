"""Which records are held out depends on what each begins with, and on nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.errors import InvalidRequest
from causette.lab.data import is_held_out
from causette.lab.types import Conversation, Labelled, Message, Preference, Record, Text


def conversation(*contents: str, system: str | None = None) -> Conversation:
    roles = ("user", "assistant")
    said = tuple(Message(roles[at % 2], content) for at, content in enumerate(contents))
    return Conversation(messages=((Message("system", system),) if system else ()) + said)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5])
def test_the_share_is_kept(share: float) -> None:
    held_out = sum(is_held_out(Text(text=f"text {number}"), share=share) for number in range(20_000))

    assert abs(held_out - share * 20_000) <= 4 * (share * (1 - share) * 20_000) ** 0.5


def test_the_side_of_a_record_never_changes() -> None:
    sides = [is_held_out(Text(text=f"text {number}"), share=0.5) for number in range(16)]

    assert "".join("h" if side else "t" for side in sides) == "tthhhhhtthhhttth"


@given(prompt=st.text(min_size=1), seed=st.integers(-(2**63), 2**63))
def test_records_that_begin_the_same_are_on_the_same_side(prompt: str, seed: int) -> None:
    messages = (Message("user", prompt),)
    records: list[Record] = [
        conversation(prompt, "one answer"),
        conversation(prompt, "one answer", "And?", "more"),
        conversation(f" {prompt}\n", "ANOTHER"),
        Preference(prompt=messages, chosen="one answer", rejected="another"),
        Labelled(prompt=messages, completion="another", label=True),
    ]

    assert len({is_held_out(record, share=0.5, seed=seed) for record in records}) == 1


def test_another_seed_holds_out_others() -> None:
    records = [Text(text=f"text {number}") for number in range(1000)]
    both = sum(
        is_held_out(record, share=0.5, seed=0) and is_held_out(record, share=0.5, seed=1)
        for record in records
    )

    assert 200 < both < 300


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_nothing_to_train_on_is_refused(share: float) -> None:
    with pytest.raises(InvalidRequest, match="from 0 to below 1"):
        is_held_out(Text(text="one"), share=share)
