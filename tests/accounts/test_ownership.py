from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.accounts import Caller, User, owned
from causette.clock import utc_now
from causette.errors import NotFound
from causette.ids import new_id


@dataclass(frozen=True)
class Note:
    id: str
    owner_id: str


def a_caller() -> Caller:
    user = User(
        id=new_id("user"),
        email="ada@example.org",
        name="Ada",
        role="member",
        locale=None,
        theme="system",
        created_at=utc_now(),
    )
    return Caller(user=user)


class Notes:
    """Some notes, and the ids that were asked for."""

    def __init__(self, *notes: Note) -> None:
        self.notes = {note.id: note for note in notes}
        self.asked: list[str] = []

    async def load(self, note_id: str) -> Note | None:
        self.asked.append(note_id)
        return self.notes.get(note_id)


async def refusal(caller: Caller, public_id: str, notes: Notes) -> tuple[object, ...]:
    with pytest.raises(NotFound) as raised:
        await owned(caller, public_id, notes.load, what="note")
    error = raised.value
    return type(error), error.message, error.status, error.code, error.param, error.retry_after


async def test_the_owner_gets_the_record() -> None:
    caller = a_caller()
    note = Note(new_id("note"), caller.user.id)
    assert await owned(caller, note.id, Notes(note).load, what="note") is note


async def test_a_stranger_an_unknown_id_and_a_wrong_shape_get_the_same_refusal() -> None:
    caller, somebody = a_caller(), a_caller()
    notes = Notes(Note(new_id("note"), somebody.user.id))
    theirs = await refusal(caller, next(iter(notes.notes)), notes)
    unknown = await refusal(caller, new_id("note"), notes)
    misshapen = await refusal(caller, "../../etc/passwd", notes)
    assert theirs == unknown == misshapen
    assert len(notes.asked) == 2


async def test_an_owner_of_the_house_is_a_stranger_to_what_is_not_theirs() -> None:
    somebody = a_caller()
    note = Note(new_id("note"), somebody.user.id)
    house_owner = a_caller()
    object.__setattr__(house_owner.user, "role", "owner")
    with pytest.raises(NotFound):
        await owned(house_owner, note.id, Notes(note).load, what="note")


misshapen_ids = st.one_of(
    st.text(),
    st.text(alphabet="abc_019XYZ", max_size=40).filter(lambda text: len(text.rpartition("_")[2]) != 22),
    st.sampled_from(
        [
            "",
            "_",
            "note_",
            new_id("note") + "\n",
            "\n" + new_id("note"),
            new_id("note") + "0",
            new_id("Note"),
            new_id("note").replace("_", "-"),
            new_id("note")[:-1] + "é",
            new_id("note")[:-1] + "٣",
            "note_" + "0" * 1_000_000,
            "n" * 1_000_000 + "_" + "0" * 22,
        ]
    ),
)


@given(public_id=misshapen_ids)
async def test_what_has_no_ids_shape_never_reaches_the_database(public_id: str) -> None:
    notes = Notes()
    await refusal(a_caller(), public_id, notes)
    assert notes.asked == []


@given(prefix=st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True))
async def test_every_id_that_the_house_makes_has_the_right_shape(prefix: str) -> None:
    caller = a_caller()
    note = Note(new_id(prefix), caller.user.id)
    assert await owned(caller, note.id, Notes(note).load, what="note") is note
