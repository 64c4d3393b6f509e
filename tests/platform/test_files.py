"""``/v1/files`` as OpenAI's client uses it, and what it would not send."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import pytest_asyncio

from causette.accounts import Caller
from causette.accounts.keys.scopes import Scope
from causette.plans.subscriptions import Assignment
from causette.platform.files.store import ApiFileStore
from tests.house import OpenHouse, Person, open_house

ROWS = b'{"prompt": "Say tree", "completion": "tree"}\n'


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path, largest_file_mb=1, files_gb=Decimal("0.002")) as opened:
        yield opened


@asynccontextmanager
async def client_of(opened: OpenHouse, key: str) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=opened.app)) as http,
        openai.AsyncOpenAI(
            base_url="http://house/v1", api_key=key, http_client=http, max_retries=0
        ) as client,
    ):
        yield client


async def form(opened: OpenHouse, person: Person, content: bytes, **headers: str) -> dict[str, Any]:
    """A form as it is, and the error that it was answered with."""
    headers = {"content-type": "multipart/form-data; boundary=xx", **person.bearer, **headers}
    answer = await opened.client.post("/v1/files", content=content, headers=headers)
    assert answer.status_code >= 400
    return {"status": answer.status_code, **answer.json()["error"]}


async def test_a_file_is_uploaded_listed_read_and_deleted(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    async with client_of(opened, ada.key) as client:
        file = await client.files.create(file=("../rows.jsonl", ROWS), purpose="fine-tune")
        assert (file.object, file.bytes, file.filename) == ("file", len(ROWS), "rows.jsonl")
        assert (file.purpose, file.status) == ("fine-tune", "processed")
        assert await client.files.retrieve(file.id) == file
        assert (await client.files.content(file.id)).content == ROWS
        others = [await client.files.create(file=ROWS * 2, purpose="fine-tune") for _ in range(2)]
        newest = [each.id async for each in client.files.list(limit=1)]
        assert newest == [others[1].id, others[0].id, file.id]
        oldest = [each.id async for each in client.files.list(limit=2, order="asc")]
        assert oldest == newest[::-1]
        assert (await client.files.list(purpose="fine-tune-results")).data == []
        gone = await client.files.delete(file.id)
        assert (gone.id, gone.deleted) == (file.id, True)
        for refused in (client.files.retrieve(file.id), client.files.content(file.id)):
            with pytest.raises(openai.NotFoundError):
                await refused


async def test_a_workspaces_files_are_its_keys_alone(opened: OpenHouse) -> None:
    ada, bob = await opened.person("ada"), await opened.person("bob")
    workspaces = opened.house.accounts.workspaces
    workspace = (await workspaces.create(ada.caller, name="Engines")).workspace.id
    acting = await workspaces.acting(ada.caller, workspace)
    theirs = (await opened.house.accounts.keys.create(acting, name="theirs")).secret
    async with client_of(opened, theirs) as client:
        file = await client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune")
    for key in (ada.key, bob.key):
        async with client_of(opened, key) as client:
            assert (await client.files.list()).data == []
            for refused in (client.files.retrieve(file.id), client.files.delete(file.id)):
                with pytest.raises(openai.NotFoundError):
                    await refused
    await workspaces.delete(Caller(user=acting.user), workspace)
    assert await ApiFileStore(opened.house.database).find(file.id) is None


@pytest.mark.parametrize(
    ("purpose", "says"),
    [("assistants", "not used"), ("batch", "not used"), ("fine-tune-results", "not uploaded")],
)
async def test_other_purposes_are_refused(opened: OpenHouse, purpose: Any, says: str) -> None:
    ada = await opened.person("ada")
    async with client_of(opened, ada.key) as client:
        with pytest.raises(openai.BadRequestError, match=says) as caught:
            await client.files.create(file=("rows.jsonl", ROWS), purpose=purpose)
    assert (caught.value.code, caught.value.param) == ("unsupported_purpose", "purpose")


async def test_what_is_empty_or_too_large_is_refused(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    async with client_of(opened, ada.key) as client:
        with pytest.raises(openai.BadRequestError) as empty:
            await client.files.create(file=("rows.jsonl", b""), purpose="fine-tune")
        assert (empty.value.code, empty.value.param) == ("file_empty", "file")
        with pytest.raises(openai.APIStatusError) as large:
            await client.files.create(file=("rows.jsonl", b"x" * 1_000_001), purpose="fine-tune")
        assert (large.value.status_code, large.value.code) == (413, "file_too_large")
        for _ in range(2):
            await client.files.create(file=("rows.jsonl", b"x" * 1_000_000), purpose="fine-tune")
        with pytest.raises(openai.ConflictError) as full:
            await client.files.create(file=("rows.jsonl", b"x"), purpose="fine-tune")
        assert full.value.code == "files_full"


async def test_a_form_that_is_none_is_refused_with_its_field(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    head = b'--xx\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
    file, purpose = (
        head % (b"file", b'; filename="a"', ROWS.strip()),
        head % (b"purpose", b"", b"fine-tune"),
    )
    end = b"--xx--\r\n"
    cases: tuple[tuple[bytes, str, str | None], ...] = (
        (purpose + end, "missing_required_parameter", "file"),
        (file + end, "missing_required_parameter", "purpose"),
        (purpose + head % (b"file", b"", b"x") + end, "invalid_request", "file"),
        (
            head % (b"expires_after[seconds]", b"", b"3600") + end,
            "unknown_parameter",
            "expires_after[seconds]",
        ),
        (purpose + file + file + end, "unknown_parameter", "file"),
        (head % (b"purpose", b"", b"x" * 5000) + end, "invalid_request", "purpose"),
        (b"no form at all", "invalid_form", None),
        (head % (b"pur\x08pose", b"", b"x") + end, "invalid_form", None),
        (purpose + file.removesuffix(b"\r\n"), "invalid_form", None),
        (b"--xx\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xx--\r\n", "invalid_form", None),
    )
    for content, code, param in cases:
        error = await form(opened, ada, content)
        assert (error["status"], error["code"], error["param"]) == (400, code, param), error
    other = await form(opened, ada, ROWS, **{"content-type": "application/json"})
    assert (other["status"], other["code"]) == (415, "unsupported_content_type")
    # The order of the fields is nobody's business.
    kept = await opened.client.post(
        "/v1/files",
        content=file + purpose + end,
        headers={"content-type": "multipart/form-data; boundary=xx", **ada.bearer},
    )
    assert kept.status_code == 200


async def test_a_plan_and_a_key_decide_who_may(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    scopes: tuple[tuple[Scope, bool], ...] = (("inference", False), ("fine_tuning", True), ("all", True))
    for scope, may in scopes:
        key = await opened.house.accounts.keys.create(ada.caller, name=scope, scopes=[scope])
        answer = await opened.client.get("/v1/files", headers={"authorization": f"Bearer {key.secret}"})
        assert answer.status_code == (200 if may else 403)
    await opened.house.plans.subscriptions.assign(ada.caller.payer_id, Assignment(plan_id="team"))
    opened.house.plans.forget()
    async with client_of(opened, ada.key) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune")
    assert (caught.value.code, caught.value.param) == ("not_in_plan", "fine_tuning")
