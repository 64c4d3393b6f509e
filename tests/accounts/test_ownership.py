from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.accounts import Caller, User, owned
from causette.accounts.types import WorkspaceRole
from causette.clock import utc_now
from causette.errors import Forbidden, NotFound
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


def acting(caller: Caller, workspace_id: str, role: WorkspaceRole, *, by_key: bool = False) -> Caller:
    key_id = new_id("key") if by_key else None
    return replace(caller, workspace_id=workspace_id, workspace_role=role, key_id=key_id)


async def test_who_acts_for_a_workspace_reaches_its_things_and_their_own() -> None:
    caller, workspace = a_caller(), new_id("ws")
    its, own = Note(new_id("note"), workspace), Note(new_id("note"), caller.user.id)
    for note in (its, own):
        assert (
            await owned(acting(caller, workspace, "member"), note.id, Notes(note).load, what="note") is note
        )
    await refusal(caller, its.id, Notes(its))
    await refusal(acting(caller, new_id("ws"), "owner"), its.id, Notes(its))


async def test_a_workspaces_key_reaches_nothing_of_its_makers() -> None:
    caller, workspace = a_caller(), new_id("ws")
    its, own = Note(new_id("note"), workspace), Note(new_id("note"), caller.user.id)
    key = acting(caller, workspace, "owner", by_key=True)
    assert await owned(key, its.id, Notes(its).load, what="note") is its
    await refusal(key, own.id, Notes(own))
    own_key = replace(caller, key_id=new_id("key"))
    assert await owned(own_key, own.id, Notes(own).load, what="note") is own


@pytest.mark.parametrize("needed", ["owner", "admin", "member"])
@pytest.mark.parametrize("held", ["owner", "admin", "member"])
async def test_a_role_is_asked_of_members_only(held: WorkspaceRole, needed: WorkspaceRole) -> None:
    caller, workspace = a_caller(), new_id("ws")
    its, own = Note(new_id("note"), workspace), Note(new_id("note"), caller.user.id)
    member, notes = acting(caller, workspace, held), Notes(its, own)
    ranks = ["member", "admin", "owner"]
    if ranks.index(held) >= ranks.index(needed):
        assert await owned(member, its.id, notes.load, what="note", role=needed) is its
    else:
        with pytest.raises(Forbidden):
            await owned(member, its.id, notes.load, what="note", role=needed)
    # What is one's own takes no role, and who may not know of a thing is told of none.
    assert await owned(member, own.id, notes.load, what="note", role=needed) is own
    with pytest.raises(NotFound):
        await owned(a_caller(), its.id, notes.load, what="note", role=needed)


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
