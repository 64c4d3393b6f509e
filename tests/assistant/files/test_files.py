"""Files come in as bytes, are read in the background, and reach models by reference; nobody else's are ever seen."""

import base64
import errno
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.assistant.files.types import File, ParsedDocument
from causette.assistant.store import AssistantStore
from causette.blobs import service as blobs_service
from causette.clock import utc_now
from causette.engines.openai_client import OpenAIClient
from causette.fleet import Fleet
from causette.gateway import Deployment, Deployments
from causette.jobs import worker
from tests.assistant.files import samples
from tests.assistant.files.vision_server import VisionServer, vision_server
from tests.house import OpenHouse, Person, open_house
from tests.waiting import eventually

PICTURE = samples.png(noise=2_000_000)


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ada(opened: OpenHouse) -> Person:
    return await opened.person("ada")


async def upload(opened: OpenHouse, person: Person, name: str, content: bytes, **more: str) -> dict[str, Any]:
    answer = await opened.client.post(
        "/api/files", params={"name": name, **more}, content=content, headers=person.cookie
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def read(opened: OpenHouse, person: Person, file_id: str) -> dict[str, Any]:
    async def over() -> dict[str, Any] | None:
        file = (await opened.client.get(f"/api/files/{file_id}", headers=person.cookie)).json()
        return file if file["status"] != "waiting" else None

    found = await eventually(over, "the file to be read", seconds=60)
    assert found is not None
    return found


async def ask(opened: OpenHouse, person: Person, content: str, *files: str, **more: Any) -> dict[str, Any]:
    body = {"content": content, "files": list(files), **more}
    answer = await opened.client.post("/api/conversations", json=body, headers=person.cookie)
    assert answer.status_code == 201, answer.text
    return answer.json()


def kept(folder: Path) -> int:
    """Bytes of all files in the blob store."""
    return sum(path.stat().st_size for path in (folder / "blobs").rglob("*") if path.is_file())


async def test_a_document_is_read_and_told_to_the_model(opened: OpenHouse, ada: Person) -> None:
    file = await upload(opened, ada, "harbour.docx", samples.docx())
    assert (file["kind"], file["status"]) == ("document", "waiting")
    turn = await ask(opened, ada, "What was repaired?", file["id"])
    call = await opened.engine.called()
    call.say("The crane.")
    call.end()

    system, question = call.turns[0], call.turns[-1]
    assert "The crane was repaired in March." in system[1]
    assert question == ("user", "[Attached: the file harbour.docx]\n\nWhat was repaired?")
    assert turn["messages"][0]["attachments"][0]["name"] == "harbour.docx"
    assert (await read(opened, ada, file["id"]))["status"] == "ready"


async def test_a_picture_of_2_mb_in_two_messages_is_kept_once(
    opened: OpenHouse, ada: Person, tmp_path: Path
) -> None:
    opened.engine.answer = "Nice."
    first = await upload(opened, ada, "one.png", PICTURE)
    second = await upload(opened, ada, "two.png", PICTURE)
    for file in (first, second):
        await ask(opened, ada, "Look", file["id"])
        await read(opened, ada, file["id"])

    # The picture, and one small picture of it.
    assert len(PICTURE) <= kept(tmp_path) < len(PICTURE) + 200_000
    database = sum(path.stat().st_size for path in tmp_path.glob("causette.sqlite3*"))
    assert database < 4_000_000
    listed = (await opened.client.get("/api/files", headers=ada.cookie)).json()
    assert [len(item["uses"]) for item in listed["items"]] == [1, 1]
    assert listed["taken"] == 2 * len(PICTURE)


async def test_a_model_that_sees_no_pictures_is_told_so(opened: OpenHouse, ada: Person) -> None:
    file = await upload(opened, ada, "cat.png", samples.png())
    await ask(opened, ada, "", file["id"])
    call = await opened.engine.called()
    call.end()
    assert call.turns[-1][1] == "[Attached: the picture cat.png, which you cannot see. Say so if it matters.]"
    assert not isinstance(call.request.prompt, str)
    assert not any(turn.pictures for turn in call.request.prompt)


async def test_what_is_downloaded_cannot_act_in_the_readers_name(opened: OpenHouse, ada: Person) -> None:
    page = await upload(opened, ada, 'a "b"\u00e9.png', b"<!doctype html><script>alert(1)</script>")
    assert page["media_type"] == "text/html"
    answer = await opened.client.get(f"/api/files/{page['id']}/content", headers=ada.cookie)
    headers = answer.headers
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-disposition"] == (
        "attachment; filename=\"a _b__.png\"; filename*=UTF-8''a%20%22b%22%C3%A9.png"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")

    picture = await upload(opened, ada, "cat.txt", samples.png())
    answer = await opened.client.get(f"/api/files/{picture['id']}/content", headers=ada.cookie)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.content == samples.png()
    await read(opened, ada, picture["id"])
    small = await opened.client.get(f"/api/files/{picture['id']}/thumbnail", headers=ada.cookie)
    assert (small.headers["content-type"], small.content[8:12]) == ("image/webp", b"WEBP")


async def test_nobody_reaches_or_attaches_what_is_somebody_elses(opened: OpenHouse, ada: Person) -> None:
    eve = await opened.person("eve")
    file = await upload(opened, ada, "secret.txt", b"the secret")
    for method, path in (
        ("GET", ""),
        ("GET", "/content"),
        ("GET", "/thumbnail"),
        ("PATCH", ""),
        ("DELETE", ""),
    ):
        body = {"name": "x"} if method == "PATCH" else None
        answer = await opened.client.request(
            method, f"/api/files/{file['id']}{path}", json=body, headers=eve.cookie
        )
        assert answer.status_code == 404, (method, path)
    for body in ({"content": "Look", "files": [file["id"]]}, {"content": "", "files": ["file_x"]}):
        answer = await opened.client.post("/api/conversations", json=body, headers=eve.cookie)
        assert answer.status_code == 404
    # She has the same bytes: hers are hers.
    hers = await upload(opened, eve, "mine.txt", b"the secret")
    await opened.client.delete(f"/api/files/{hers['id']}", headers=eve.cookie)
    assert (await opened.client.get(f"/api/files/{file['id']}/content", headers=ada.cookie)).content == (
        b"the secret"
    )


async def test_what_is_too_much_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    async with open_house(tmp_path, largest_file_mb=1, files_gb="0.001") as opened:
        ada = await opened.person("ada")

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield bytes(65_536)

        async def refused(content: Any) -> str:
            answer = await opened.client.post(
                "/api/files", params={"name": "a"}, content=content, headers=ada.cookie
            )
            assert answer.status_code >= 400
            return str(answer.json()["code"])

        assert await refused(bytes(1_000_001)) == "body_too_large"
        assert await refused(endless()) in {"file_too_large", "body_too_large"}
        assert await refused(b"") == "file_empty"
        # It is read from a file in the same folder.
        await read(opened, ada, (await upload(opened, ada, "one", b"a" * 900_000))["id"])
        assert await refused(b"b" * 900_000) == "files_full"
        listed = (await opened.client.get("/api/files", headers=ada.cookie)).json()
        assert [item["name"] for item in listed["items"]] == ["one"]
        assert list((tmp_path / "incoming").iterdir()) == []
        # Elsewhere a body may not have as much as a file.
        answer = await opened.client.post("/api/projects", content=bytes(9_000_000), headers=ada.cookie)
        assert answer.status_code == 413


async def test_a_full_disk_is_said_and_the_house_goes_on(
    opened: OpenHouse, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(blobs_service.os, "write", full)
        answer = await opened.client.post(
            "/api/files", params={"name": "a"}, content=b"a", headers=ada.cookie
        )
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    await upload(opened, ada, "a", b"a")


async def test_what_cannot_be_read_says_why_and_is_kept(opened: OpenHouse, ada: Person) -> None:
    file = await upload(opened, ada, "broken.pdf", b"%PDF-1.4 broken")
    failed = await read(opened, ada, file["id"])
    assert (failed["status"], failed["error_code"]) == ("failed", "unreadable")
    assert "could not be read" in failed["error_message"]
    content = await opened.client.get(f"/api/files/{file['id']}/content", headers=ada.cookie)
    assert content.content == b"%PDF-1.4 broken"


async def test_what_could_not_be_read_is_read_again_when_asked(
    opened: OpenHouse, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_FIRST_PAUSE", timedelta(0))
    well = False

    async def follow(_: File, __: ParsedDocument) -> None:
        if not well:
            raise RuntimeError

    opened.house.files.followers.append(follow)
    file = await upload(opened, ada, "a.txt", b"tides")
    failed = await read(opened, ada, file["id"])
    assert (failed["status"], failed["error_code"]) == ("failed", "not_read")
    well = True
    path = f"/api/files/{file['id']}/retry"
    again = await opened.client.post(path, headers=ada.cookie)
    assert (again.status_code, again.json()["status"], again.json()["error_code"]) == (202, "waiting", None)
    assert (await read(opened, ada, file["id"]))["status"] == "ready"
    refused = await opened.client.post(path, headers=ada.cookie)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_failed")
    eve = await opened.person("eve")
    assert (await opened.client.post(path, headers=eve.cookie)).status_code == 404


async def test_followers_are_told_before_a_file_counts_as_read(opened: OpenHouse, ada: Person) -> None:
    heard: list[tuple[str, str]] = []

    async def follow(file: File, document: ParsedDocument) -> None:
        assert file.status == "waiting"
        heard.append((file.name, document.text))

    opened.house.files.followers.append(follow)
    file = await upload(opened, ada, "a.md", b"# Title\nbody")
    await read(opened, ada, file["id"])
    assert heard == [("a.md", "# Title\nbody")]


async def test_files_are_renamed_and_put_into_projects_and_leave_with_them(
    opened: OpenHouse, ada: Person
) -> None:
    project = await opened.house.projects.create(ada.caller, name="Harbour")
    file = await upload(opened, ada, "a.txt", b"tides", project=project.id)
    inside = await opened.client.get("/api/files", params={"project": project.id}, headers=ada.cookie)
    assert [item["id"] for item in inside.json()["items"]] == [file["id"]]
    changed = await opened.client.patch(
        f"/api/files/{file['id']}", json={"name": "../b.txt", "project_id": None}, headers=ada.cookie
    )
    assert (changed.json()["name"], changed.json()["project_id"]) == ("b.txt", None)
    eve = await opened.person("eve")
    answer = await opened.client.post(
        "/api/files", params={"name": "x", "project": project.id}, content=b"x", headers=eve.cookie
    )
    assert answer.status_code == 404


async def test_an_assistants_files_are_its_owners_to_bring_and_take_however_it_is_shared(
    opened: OpenHouse, ada: Person
) -> None:
    bob, client = await opened.person("bob"), opened.client
    custom = opened.house.custom_assistants
    made = await custom.create(ada.caller, name="Harbour master", sharing="everybody")
    file = await upload(opened, ada, "a.txt", b"tides", assistant=made.id)
    assert (file["assistant_id"], file["project_id"]) == (made.id, None)
    inside = await client.get("/api/files", params={"assistant": made.id}, headers=ada.cookie)
    assert [item["id"] for item in inside.json()["items"]] == [file["id"]]

    theirs = await upload(opened, bob, "b.txt", b"tides")
    path, body = f"/api/files/{file['id']}", {"assistant_id": made.id}
    for attempt in (
        client.get("/api/files", params={"assistant": made.id}, headers=bob.cookie),
        client.post(
            "/api/files", params={"name": "x", "assistant": made.id}, content=b"x", headers=bob.cookie
        ),
        client.patch(f"/api/files/{theirs['id']}", json=body, headers=bob.cookie),
        client.patch(path, json={"assistant_id": None}, headers=bob.cookie),
        client.get(path, headers=bob.cookie),
        client.get(f"{path}/content", headers=bob.cookie),
        client.delete(path, headers=bob.cookie),
    ):
        assert (await attempt).status_code == 404

    taken = await client.patch(path, json={"assistant_id": None}, headers=ada.cookie)
    assert (taken.status_code, taken.json()["assistant_id"]) == (200, None)
    assert (await client.patch(path, json=body, headers=ada.cookie)).json()["assistant_id"] == made.id


async def test_with_an_assistant_goes_what_only_it_held(
    opened: OpenHouse, ada: Person, tmp_path: Path
) -> None:
    opened.engine.answer = "Yes."
    made = await opened.house.custom_assistants.create(ada.caller, name="Harbour master")
    project = await opened.house.projects.create(ada.caller, name="Harbour")
    only = await upload(opened, ada, "only.txt", b"only here", assistant=made.id)
    shared = await upload(opened, ada, "both.txt", b"in both", assistant=made.id, project=project.id)
    attached = await upload(opened, ada, "sent.txt", b"sent, too", assistant=made.id)
    await ask(opened, ada, "Look", attached["id"])
    for each in (only, shared, attached):
        await read(opened, ada, each["id"])
    before = kept(tmp_path)
    assert (await opened.client.delete(f"/api/assistants/{made.id}", headers=ada.cookie)).status_code == 204
    left = (await opened.client.get("/api/files", headers=ada.cookie)).json()["items"]
    assert [(item["name"], item["assistant_id"]) for item in left] == [("sent.txt", None), ("both.txt", None)]
    await opened.house.blobs.sweep(now=utc_now() + timedelta(hours=2))
    assert kept(tmp_path) < before


async def test_a_file_outlives_its_message_and_a_message_its_file(opened: OpenHouse, ada: Person) -> None:
    opened.engine.answer = "Yes."
    file = await upload(opened, ada, "a.txt", b"tides")
    turn = await ask(opened, ada, "Look", file["id"])
    assert (await opened.client.delete(f"/api/files/{file['id']}", headers=ada.cookie)).status_code == 204
    path = f"/api/conversations/{turn['conversation']['id']}"
    messages = (await opened.client.get(path, headers=ada.cookie)).json()["messages"]
    assert messages[0]["attachments"][0]["id"] == file["id"]
    copy = (await opened.client.post(f"{path}/duplicate", json={}, headers=ada.cookie)).json()
    copied = (await opened.client.get(f"/api/conversations/{copy['id']}", headers=ada.cookie)).json()
    assert copied["messages"][0]["attachments"][0]["name"] == "a.txt"


async def test_all_of_it_is_in_the_export_and_dies_with_the_account(
    opened: OpenHouse, ada: Person, tmp_path: Path
) -> None:
    file = await upload(opened, ada, "a.txt", b"tides")
    await read(opened, ada, file["id"])
    exported = await opened.house.files.personal_data(ada.caller)
    files = exported["files"]
    assert isinstance(files, list)
    assert [each["content"] for each in files] == [f"/api/files/{file['id']}/content"]
    await opened.house.credentials.leaving.delete_account(ada.caller, password="seven quiet otters")
    await opened.house.blobs.sweep(now=utc_now() + timedelta(hours=2))
    assert kept(tmp_path) == 0


def test_reading_needs_no_more_than_its_extra() -> None:
    """Without its libraries the reader says which one is missing."""
    code = (
        "import sys; sys.modules['docx'] = None\n"
        "from pathlib import Path\n"
        "from causette.assistant.files.reading import NOT_INSTALLED, main\n"
        "import causette.assistant.files.reading as reading\n"
        "reading._check_unpacked = lambda path: None\n"
        "assert main('document', Path('x'), Path('.')) == NOT_INSTALLED\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# Pictures for models that see.


@pytest_asyncio.fixture
async def seeing(tmp_path: Path) -> AsyncGenerator[tuple[OpenHouse, VisionServer]]:
    async with vision_server() as server:
        client = OpenAIClient(server.url, model="eyes", context=8192)
        deployment = Deployment(
            name="eyes", kind="text", engine=client, title="Eyes", sees=True, aliases=("default",)
        )
        fleet = Fleet(Deployments([deployment]), remote=(client,))
        async with open_house(tmp_path, fleet=fleet) as opened:
            yield opened, server


async def text_of(opened: OpenHouse, turn: dict[str, Any]) -> str:
    assistant = opened.house.assistant
    person = await opened.house.accounts.caller_of(await _owner(opened, turn), None)
    assert person is not None
    generation = await assistant.generation(person, turn["generation"]["id"])
    async for _ in assistant.events(generation, 0):
        pass
    return (await assistant.message(person, generation.message_id)).content


async def _owner(opened: OpenHouse, turn: dict[str, Any]) -> str:
    found = await AssistantStore(opened.house.database).conversation(turn["conversation"]["id"])
    assert found is not None
    return found.owner_id


async def test_a_model_that_sees_gets_the_bytes_of_the_picture(
    seeing: tuple[OpenHouse, VisionServer],
) -> None:
    opened, server = seeing
    ada = await opened.person("ada")
    picture = samples.png(64, 48)
    file = await upload(opened, ada, "cat.png", picture)
    turn = await ask(opened, ada, "What is it?", file["id"])
    assert await text_of(opened, turn) == "I see 1."
    assert server.pictures(server.bodies[0]) == [("image/png", picture)]
    assert server.bodies[0]["messages"][-1]["content"][-1] == {"type": "text", "text": "What is it?"}

    await opened.client.delete(f"/api/files/{file['id']}", headers=ada.cookie)
    again = await opened.client.post(
        f"/api/messages/{turn['messages'][1]['id']}/regenerate", json={}, headers=ada.cookie
    )
    assert await text_of(opened, again.json()) == "I see 0."
    assert any("has been deleted" in str(body["messages"]) for body in server.bodies)


async def test_pictures_of_the_api_pass_through_and_are_priced(
    seeing: tuple[OpenHouse, VisionServer], tmp_path: Path
) -> None:
    opened, server = seeing
    ada = await opened.person("ada")
    picture = samples.png(16, 16)
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"

    async def complete(model: str, url: str) -> Any:
        parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
        body = {"model": model, "messages": [{"role": "user", "content": parts}]}
        return await opened.client.post("/v1/chat/completions", json=body, headers=ada.bearer)

    answer = await complete("eyes", url)
    assert answer.json()["choices"][0]["message"]["content"] == "I see 1."
    assert server.pictures(server.bodies[-1]) == [("image/png", picture)]
    for elsewhere in ("http://10.0.0.1/x.png", "https://example.org/x.png", "data:text/html;base64,AAAA"):
        assert (await complete("eyes", elsewhere)).status_code == 400
    async with opened.house.database.read() as connection:
        images = (await connection.execute(sa.text("SELECT images FROM ledger_requests"))).scalars().all()
    assert list(images) == [1]


async def test_the_api_refuses_pictures_for_a_model_that_does_not_see(opened: OpenHouse, ada: Person) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"model": "default", "messages": [{"role": "user", "content": [part]}]}
    answer = await opened.client.post("/v1/chat/completions", json=body, headers=ada.bearer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_cannot_see")
