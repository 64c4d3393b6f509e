"""Links to conversations: what is in the snapshot, who finds it, and when nobody does any more."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace as replaced

from causette.accounts import Accounts, Caller
from causette.accounts.credentials.sealing import Sealing
from causette.accounts.store import delete_user, users
from causette.accounts.tokens import digest, new_token
from causette.assistant.files.service import Files, attachment_of
from causette.assistant.files.types import File
from causette.assistant.generation.parts import Sources, stored
from causette.assistant.knowledge.store import KnowledgeStore, document_of
from causette.assistant.knowledge.types import Passage, Place, Source
from causette.assistant.service import Assistant
from causette.assistant.sharing.pace import READS_A_MINUTE, Pace
from causette.assistant.sharing.service import Sharing, Terms
from causette.assistant.sharing.store import share_messages, shares
from causette.assistant.sharing.types import SharingMode
from causette.assistant.store import AssistantStore
from causette.assistant.tables import messages
from causette.assistant.tree.service import Tree
from causette.assistant.types import Message
from causette.blobs import Blobs, FolderBucket
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound, TooManyRequests
from causette.jobs import Jobs
from causette.plans.subscriptions import Assignment
from tests.assistant.conftest import Process, read_to_end
from tests.assistant.files.samples import pdf, png
from tests.assistant.test_tree import said
from tests.doors import open_door
from tests.house import open_house
from tests.scripted import deployments_of

MakeSharing = Callable[[SharingMode], Sharing]


@pytest.fixture
def files(database: Database, here: Process, tmp_path: Path) -> Files:
    blobs = Blobs(database, FolderBucket(tmp_path / "blobs"), tmp_path / "incoming")
    return Files(
        database,
        blobs,
        Jobs(database),
        here.projects,
        here.custom,
        here.plans.entitlements,
        largest=1_000_000,
        together=10_000_000,
    )


@pytest_asyncio.fixture
async def in_mode(
    database: Database, here: Process, accounts: Accounts, files: Files, tmp_path: Path
) -> AsyncGenerator[MakeSharing]:
    deployments = deployments_of(here.engine)
    async with open_door(database, deployments, tmp_path) as door:
        yield lambda mode: Sharing(
            database,
            here.assistant,
            accounts=accounts,
            assistants=here.custom,
            files=files,
            plans=door.plans,
            deployments=deployments,
            sealing=Sealing("a secret of thirty-two characters", tmp_path),
            mode=mode,
        )


@pytest.fixture
def sharing(in_mode: MakeSharing) -> Sharing:
    return in_mode("on")


@pytest_asyncio.fixture
async def dialogue(store: AssistantStore, ada: Caller) -> list[Message]:
    """Two questions with their replies."""
    first = await said(store, ada, "Capital of Australia?", "Sydney.")
    return [*first, *await said(store, ada, "Sure?", "No.", after=first[1])]


def token_of(sharing: Sharing, share: object) -> str:
    token = sharing.token(share)  # pyright: ignore[reportArgumentType]
    assert token is not None
    return token


async def contents(sharing: Sharing, reader: Caller | None, token: str) -> list[str]:
    return [message.content for message in (await sharing.read(reader, token))[1]]


async def test_a_link_leads_to_the_branch_and_to_nothing_said_later(
    sharing: Sharing, store: AssistantStore, tree: Tree, ada: Caller, dialogue: list[Message]
) -> None:
    conversation = dialogue[0].conversation_id
    await tree.correct(ada, dialogue[1].id, "Canberra.")
    share = await sharing.create(ada, conversation, Terms(until=dialogue[3].id))
    token = token_of(sharing, share)
    assert await contents(sharing, None, token) == ["Capital of Australia?", "Sydney.", "Sure?", "No."]
    await said(store, ada, "And a secret?", "Yes.", after=dialogue[3])
    await tree.delete(ada, dialogue[2].id)
    assert await contents(sharing, None, token) == ["Capital of Australia?", "Sydney.", "Sure?", "No."]
    up_to = await sharing.create(ada, conversation, Terms(until=dialogue[1].id))
    assert await contents(sharing, None, token_of(sharing, up_to)) == ["Capital of Australia?", "Sydney."]


async def test_a_renewed_link_leads_to_what_is_shown_now_and_is_the_same(
    sharing: Sharing, store: AssistantStore, ada: Caller, dialogue: list[Message]
) -> None:
    share = await sharing.create(
        ada, dialogue[0].conversation_id, Terms(until=dialogue[1].id, with_name=True)
    )
    token = token_of(sharing, share)
    await store.change_conversation(
        share.conversation_id, {"title": "Capitals", "current_message_id": dialogue[3].id}
    )
    renamed = replace(ada, user=replace(ada.user, name="Ada L."))
    renewed = await sharing.renew(renamed, share.id)
    assert (renewed.title, renewed.author, token_of(sharing, renewed)) == ("Capitals", "Ada L.", token)
    assert renewed.updated_at > share.updated_at
    assert len(await contents(sharing, None, token)) == 4


async def test_name_and_steps_are_told_only_when_they_are_meant_to_be(
    sharing: Sharing, database: Database, ada: Caller, dialogue: list[Message]
) -> None:
    thought: list[dict[str, object]] = [{"type": "thinking", "at": 0, "text": "Her salary is…"}]
    given: list[dict[str, object]] = [{"type": "sources", "at": 0, "items": [{"title": "salaries.pdf"}]}]
    async with database.write() as connection:
        await connection.execute(
            sa.update(messages).where(messages.c.id == dialogue[1].id).values(parts=[*given, *thought])
        )
    conversation = dialogue[0].conversation_id
    silent = await sharing.create(ada, conversation, Terms(until=dialogue[1].id))
    _, plain = await sharing.read(None, token_of(sharing, silent))
    assert (silent.author, [message.parts for message in plain]) == (None, [None, None])
    full = await sharing.create(
        ada, conversation, Terms(until=dialogue[1].id, with_steps=True, with_name=True)
    )
    _, whole = await sharing.read(None, token_of(sharing, full))
    assert (full.author, [message.parts for message in whole]) == ("Ada", [None, thought])


async def test_a_snapshot_tells_the_name_of_whom_a_message_was_said_to(
    sharing: Sharing, here: Process, ada: Caller, bob: Caller
) -> None:
    chef = await here.custom.create(bob, name="Chef", sharing="everybody")
    turn = await here.assistant.start(ada, content="Leeks?", model=None, mention=chef.id)
    (await here.engine.called()).end()
    await read_to_end(here.assistant, ada, turn.generation.id)
    share = await sharing.create(ada, turn.conversation.id, Terms())
    token = token_of(sharing, share)
    assert [message.assistant for message in (await sharing.read(None, token))[1]] == ["Chef", "Chef"]
    await here.custom.change(bob, chef.id, sharing="private")
    await sharing.renew(ada, share.id)
    assert [message.assistant for message in (await sharing.read(None, token))[1]] == [None, None]


async def test_who_goes_on_keeps_whom_messages_were_said_to_as_far_as_they_may_use_it(
    sharing: Sharing, here: Process, ada: Caller, bob: Caller
) -> None:
    chef = await here.custom.create(bob, name="Chef", sharing="everybody")
    turn = await here.assistant.start(ada, content="Leeks?", model=None, mention=chef.id)
    (await here.engine.called()).end()
    await read_to_end(here.assistant, ada, turn.generation.id)
    token = token_of(sharing, await sharing.create(ada, turn.conversation.id, Terms()))
    await here.custom.change(bob, chef.id, sharing="private")
    for reader, kept in ((bob, chef.id), (ada, None)):
        copy = await sharing.continue_chat(reader, token)
        _, copied = await here.assistant.conversation(reader, copy.id)
        assert [message.assistant_id for message in copied] == [kept, kept]


PICTURE = png(width=20, height=10)


async def portions(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def brought(files: Files, caller: Caller, name: str, content: bytes) -> File:
    return await files.upload(caller, portions(content), name=name)


async def with_files(database: Database, message: Message, *attached: File) -> None:
    async with database.write() as connection:
        query = sa.update(messages).where(messages.c.id == message.id)
        await connection.execute(query.values(attachments=[attachment_of(file) for file in attached]))


async def test_a_snapshot_has_the_passages_that_are_cited_and_says_nothing_of_others(
    sharing: Sharing, database: Database, files: Files, ada: Caller, bob: Caller, store: AssistantStore
) -> None:
    question, reply = await said(store, ada, "Who repaired the crane?", "The port did [1], by night [3; 4].")
    minutes = await brought(files, ada, "minutes.pdf", pdf("The crane"))
    shelf = KnowledgeStore(database)
    words = ["The port repaired the crane.", "Salaries are paid on Mondays.", "It was done by night."]
    document = document_of(
        file_id=minutes.id, owner_id=ada.user.id, title="minutes.pdf", version="1", passages=3, at=utc_now()
    )
    passages = [(Passage(start=0, end=len(text)), text) for text in words]
    await shelf.replace(document, b"", passages)
    theirs = await brought(files, bob, "secret.pdf", pdf("A secret"))
    await shelf.replace(replace(document, file_id=theirs.id, owner_id=bob.user.id), b"", passages)
    place = Place(kind="page", name="2")
    given = [
        Source(n=n, file_id=minutes.id, title="minutes.pdf", passage=n - 1, start=0, end=9, place=place)
        for n in (1, 2, 3)
    ]
    async with database.write() as connection:
        foreign = replaced(given[0], n=4, file_id=theirs.id)
        parts = stored([Sources(0, given), Sources(4, [foreign])])
        await connection.execute(sa.update(messages).where(messages.c.id == reply.id).values(parts=parts))
    share = await sharing.create(ada, question.conversation_id, Terms(until=reply.id, with_steps=True))
    _, (_, shown) = await sharing.read(None, token_of(sharing, share))
    assert [(source.n, source.title, source.text) for source in shown.sources] == [
        (1, "minutes.pdf", words[0]),
        (3, "minutes.pdf", words[2]),
        # However it came into the reply: what is another person's is not shown.
        (4, "minutes.pdf", None),
    ]
    assert shown.sources[0].place == place
    assert shown.parts is None
    # What was shown stays as it was.
    await files.delete(ada, minutes.id)
    _, (_, after) = await sharing.read(None, token_of(sharing, share))
    assert after.sources == shown.sources


async def test_pictures_are_had_by_their_link_as_long_as_it_leads_there_and_nothing_else_is(
    sharing: Sharing,
    database: Database,
    files: Files,
    accounts: Accounts,
    ada: Caller,
    bob: Caller,
    dialogue: list[Message],
) -> None:
    harbour = await brought(files, ada, "harbour.png", PICTURE)
    plan = await brought(files, ada, "plan.md", b"# Plan")
    drawn = await brought(files, ada, "drawn.png", PICTURE + b"!")
    theirs = await brought(files, bob, "theirs.png", PICTURE + b"?")
    await with_files(database, dialogue[0], harbour, plan)
    await with_files(database, dialogue[1], drawn)
    # However it came there, a file of another person's is not the owner's to show.
    await with_files(database, dialogue[2], theirs)
    workspace = (await accounts.workspaces.create(ada, name="Engines")).workspace.id
    conversation = dialogue[0].conversation_id
    inside = token_of(
        sharing, await sharing.create(ada, conversation, Terms(until=dialogue[3].id, workspace_id=workspace))
    )
    share = await sharing.create(ada, conversation, Terms(until=dialogue[3].id))
    token = token_of(sharing, share)
    _, snapshot = await sharing.read(None, token)
    assert [[(file.number, file.name, file.kind) for file in each.attachments] for each in snapshot] == [
        [(1, "harbour.png", "image"), (2, "plan.md", "markdown")],
        [(3, "drawn.png", "image")],
        [(4, "theirs.png", "image")],
        [],
    ]
    assert (await sharing.picture(None, token, 1)).id == harbour.id
    assert (await sharing.picture(None, token, 3)).id == drawn.id
    for number in (0, 2, 4, 5, -1):
        with pytest.raises(NotFound):
            await sharing.picture(None, token, number)
    for stranger in (None, bob):
        with pytest.raises(NotFound):
            await sharing.picture(stranger, inside, 1)
    assert (await sharing.picture(ada, inside, 1)).id == harbour.id
    await files.delete(ada, drawn.id)
    with pytest.raises(NotFound):
        await sharing.picture(None, token, 3)
    copy = await sharing.continue_chat(bob, token)
    assert copy.title == share.title
    await sharing.revoke(ada, share.id)
    with pytest.raises(NotFound):
        await sharing.picture(None, token, 1)


async def test_only_a_digest_and_a_sealed_copy_of_the_secret_are_kept(
    sharing: Sharing, database: Database, ada: Caller, dialogue: list[Message]
) -> None:
    share = await sharing.create(ada, dialogue[0].conversation_id, Terms(until=dialogue[1].id))
    token = token_of(sharing, share)
    async with database.read() as connection:
        row = (await connection.execute(sa.select(shares))).one()
    assert row.digest == digest(token)
    assert not any(token.encode() in value for value in row if isinstance(value, bytes))
    assert not any(token in value for value in row if isinstance(value, str))
    exported = await sharing.personal_data(ada)
    assert token not in str(exported)
    assert sharing.token(replace(share, owner_id="user_other")) is None


async def test_ended_expired_and_unknown_links_lead_nowhere_alike(
    sharing: Sharing, database: Database, ada: Caller, bob: Caller, dialogue: list[Message]
) -> None:
    conversation, terms = dialogue[0].conversation_id, Terms(until=dialogue[1].id)
    ended = await sharing.create(ada, conversation, terms)
    await sharing.revoke(ada, ended.id)
    expired = await sharing.create(
        ada, conversation, replace(terms, expires_at=utc_now() + timedelta(days=1))
    )
    assert await contents(sharing, None, token_of(sharing, expired))
    async with database.write() as connection:
        await connection.execute(sa.update(shares).values(expires_at=utc_now()))
    said: set[str] = set()
    tokens = [token_of(sharing, ended), token_of(sharing, expired), new_token(), "x", "\0", expired.id]
    for token in tokens:
        for reader in (None, ada, bob):
            with pytest.raises(NotFound) as caught:
                await sharing.read(reader, token)
            said.add(f"{caught.value.code} {caught.value.message}")
    assert len(said) == 1


async def test_a_link_goes_with_its_conversation_its_account_and_a_disabled_owner(
    sharing: Sharing,
    assistant: Assistant,
    store: AssistantStore,
    database: Database,
    ada: Caller,
    dialogue: list[Message],
) -> None:
    other = await said(store, ada, "Hello", "Hi.")
    gone = await sharing.create(ada, dialogue[0].conversation_id, Terms(until=dialogue[1].id))
    left = await sharing.create(ada, other[0].conversation_id, Terms(until=other[1].id))
    await assistant.delete(ada, dialogue[0].conversation_id)
    with pytest.raises(NotFound):
        await sharing.read(None, token_of(sharing, gone))
    assert await contents(sharing, None, token_of(sharing, left)) == ["Hello", "Hi."]
    async with database.write() as connection:
        await connection.execute(sa.update(users).values(disabled_at=utc_now()))
    with pytest.raises(NotFound):
        await sharing.read(None, token_of(sharing, left))
    async with database.write() as connection:
        await delete_user(connection, ada.user.id)
        for table in (shares, share_messages):
            count = sa.select(sa.func.count()).select_from(table)
            assert (await connection.execute(count)).scalar_one() == 0


async def test_a_workspaces_link_is_found_by_its_members_only(
    sharing: Sharing, accounts: Accounts, ada: Caller, bob: Caller, dialogue: list[Message]
) -> None:
    conversation = dialogue[0].conversation_id
    workspace = (await accounts.workspaces.create(ada, name="Engines")).workspace.id
    theirs = (await accounts.workspaces.create(bob, name="Others")).workspace.id
    with pytest.raises(NotFound):
        await sharing.create(ada, conversation, Terms(until=dialogue[1].id, workspace_id=theirs))
    share = await sharing.create(ada, conversation, Terms(until=dialogue[1].id, workspace_id=workspace))
    token = token_of(sharing, share)
    for stranger in (None, bob):
        with pytest.raises(NotFound):
            await sharing.read(stranger, token)
    invited = await accounts.workspaces.invite(ada, workspace, email="bob@example.org", role="member")
    await accounts.workspaces.accept(bob, invited.token)
    assert await contents(sharing, bob, token) == ["Capital of Australia?", "Sydney."]
    await accounts.workspaces.remove(ada, workspace, bob.user.id)
    with pytest.raises(NotFound):
        await sharing.read(bob, token)


async def test_who_runs_the_house_switches_sharing_off_for_old_links_as_well(
    in_mode: MakeSharing, accounts: Accounts, ada: Caller, dialogue: list[Message]
) -> None:
    conversation, terms = dialogue[0].conversation_id, Terms(until=dialogue[1].id)
    workspace = (await accounts.workspaces.create(ada, name="Engines")).workspace.id
    public = await in_mode("on").create(ada, conversation, terms)
    inside = await in_mode("workspace").create(ada, conversation, replace(terms, workspace_id=workspace))
    modes: tuple[SharingMode, ...] = ("workspace", "off")
    for mode in modes:
        with pytest.raises(Forbidden) as caught:
            await in_mode(mode).create(ada, conversation, terms)
        assert caught.value.code == "sharing_off"
        with pytest.raises(NotFound):
            await in_mode(mode).read(ada, token_of(in_mode(mode), public))
    assert await contents(in_mode("workspace"), ada, token_of(in_mode("on"), inside))
    with pytest.raises(NotFound):
        await in_mode("off").read(ada, token_of(in_mode("on"), inside))


async def test_going_on_with_a_link_copies_it_and_leaves_it_as_it_was(
    sharing: Sharing, assistant: Assistant, ada: Caller, bob: Caller, dialogue: list[Message]
) -> None:
    share = await sharing.create(ada, dialogue[0].conversation_id, Terms(until=dialogue[3].id))
    token = token_of(sharing, share)
    copy = await sharing.continue_chat(bob, token)
    assert (copy.owner_id, copy.title, copy.temporary) == (bob.user.id, share.title, False)
    _, copied = await assistant.conversation(bob, copy.id)
    assert [message.content for message in copied] == ["Capital of Australia?", "Sydney.", "Sure?", "No."]
    assert [message.parent_id for message in copied] == [None, *(message.id for message in copied[:-1])]
    assert copy.current_message_id == copied[-1].id
    assert not {message.id for message in copied} & {message.id for message in dialogue}
    await assistant.delete(bob, copy.id)
    assert len(await contents(sharing, None, token)) == 4


async def test_what_cannot_be_shared_is_refused(
    sharing: Sharing,
    assistant: Assistant,
    store: AssistantStore,
    here: Process,
    ada: Caller,
    bob: Caller,
    dialogue: list[Message],
) -> None:
    conversation = dialogue[0].conversation_id
    for caller, message in ((bob, None), (ada, "msg_x"), (bob, dialogue[1].id)):
        with pytest.raises(NotFound):
            await sharing.create(caller, conversation, Terms(until=message))
    other = await said(store, ada, "Hello", "Hi.")
    with pytest.raises(InvalidRequest) as elsewhere:
        await sharing.create(ada, conversation, Terms(until=other[1].id))
    assert elsewhere.value.param == "until"
    for moment in (utc_now(), utc_now() + timedelta(days=4000)):
        with pytest.raises(InvalidRequest) as when:
            await sharing.create(ada, conversation, Terms(until=dialogue[1].id, expires_at=moment))
        assert when.value.param == "expires_at"
    turn = await assistant.start(ada, content="Wait", model=None)
    await here.engine.called()
    with pytest.raises(Conflict) as writing:
        await sharing.create(ada, turn.conversation.id, Terms())
    assert writing.value.code == "still_writing"
    passing = await assistant.start(ada, content="Pass", model=None, temporary=True)
    with pytest.raises(Conflict) as temporary:
        await sharing.create(ada, passing.conversation.id, Terms())
    assert temporary.value.code == "temporary"
    share = await sharing.create(ada, conversation, Terms(until=dialogue[1].id))
    for act in (sharing.renew, sharing.revoke):
        with pytest.raises(NotFound):
            await act(bob, share.id)
    await sharing.revoke_all(bob)
    assert await sharing.list(ada) == [share]
    await sharing.revoke_all(ada)
    assert await sharing.list(ada) == []


def test_an_address_reads_at_a_pace_and_others_at_theirs() -> None:
    now = 0.0
    pace = Pace(now=lambda: now)
    for _ in range(READS_A_MINUTE):
        pace.count("192.0.2.1")
    with pytest.raises(TooManyRequests) as caught:
        pace.count("192.0.2.1")
    assert caught.value.retry_after == 1.0
    pace.count("192.0.2.2")
    for each in range(READS_A_MINUTE):
        pace.count(f"2001:db8::{each:x}")
    with pytest.raises(TooManyRequests):
        pace.count("2001:db8::ffff")
    now = 1.0
    pace.count("192.0.2.1")
    with pytest.raises(TooManyRequests):
        pace.count("192.0.2.1")


async def test_over_http_a_link_is_read_by_nobody_in_particular_and_indexed_by_nobody(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada = await opened.person("ada")
        opened.engine.answer = "Hello yourself."
        turn = await opened.house.assistant.start(ada.caller, content="Hello", model=None)
        async for _ in opened.house.assistant.events(turn.generation, 0):
            pass
        path = f"/api/conversations/{turn.conversation.id}/shares"
        made = await opened.client.post(path, json={}, headers=ada.cookie)
        assert made.status_code == 201, made.text
        link = made.json()["link"]
        token = link.rpartition("/s/")[2]
        answer = await opened.client.get(f"/api/shared/{token}")
        assert answer.status_code == 200
        assert [message["content"] for message in answer.json()["messages"]] == ["Hello", "Hello yourself."]
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["cache-control"] == "no-store"
        for secret in (ada.caller.user.id, turn.conversation.id, "Ada", "ada@"):
            assert secret not in answer.text
        file = await opened.client.post(
            "/api/files", params={"name": "Port <1>.png"}, content=PICTURE, headers=ada.cookie
        )
        asked = await opened.client.post(
            f"/api/conversations/{turn.conversation.id}/messages",
            json={"content": "And this?", "files": [file.json()["id"]], "parent_id": turn.messages[-1].id},
            headers=ada.cookie,
        )
        assert asked.status_code == 201, asked.text
        renewal = {"until": asked.json()["messages"][0]["id"]}
        second = (await opened.client.post(path, json=renewal, headers=ada.cookie)).json()
        pictures = f"/api/shared/{second['link'].rpartition('/s/')[2]}/pictures"
        shown = await opened.client.get(f"{pictures}/1")
        assert (shown.content, shown.headers["content-type"]) == (PICTURE, "image/png")
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["content-disposition"].startswith("inline;")
        assert shown.headers["x-content-type-options"] == "nosniff"
        for elsewhere in (f"{pictures}/2", f"/api/shared/{token}/pictures/1"):
            assert (await opened.client.get(elsewhere)).status_code == 404
        await opened.client.delete(f"/api/shares/{second['id']}", headers=ada.cookie)
        assert (await opened.client.get(f"{pictures}/1")).status_code == 404
        page = await opened.client.get(f"/s/{token}")
        if page.status_code == 200:  # 503 where the web app has not been built
            assert page.headers["x-robots-tag"] == "noindex, nofollow"
            assert page.headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        await opened.house.plans.subscriptions.assign(ada.caller.payer_id, Assignment(plan_id="free"))
        assert (await opened.client.get("/api/shares", headers=ada.cookie)).json()["in_plan"] is True
        # The bucket is refilled while it is emptied.
        for _ in range(10 * READS_A_MINUTE):
            answer = await opened.client.get("/api/shared/x")
            if answer.status_code == 429:
                break
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
