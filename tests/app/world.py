"""A house with one of everything that somebody can own, so that somebody else can ask for it."""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx2

from causette.accounts import Caller, SignedIn
from causette.accounts.credentials.store import insert_passkey
from causette.accounts.credentials.types import Passkey
from causette.accounts.sign_on.store import insert_identity
from causette.accounts.sign_on.types import Identity
from causette.assistant.files.store import FileStore
from causette.assistant.files.types import FileStatus
from causette.assistant.generation.parts import Story
from causette.assistant.generation.writer import Means
from causette.assistant.knowledge.lexical import Postings
from causette.assistant.knowledge.store import KnowledgeStore, document_of
from causette.assistant.knowledge.types import IndexStatus, Passage
from causette.assistant.sharing.service import Terms
from causette.assistant.store import AssistantStore
from causette.assistant.tools.python import Python
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tools.types import Tool, ToolResult
from causette.assistant.types import ReplyOptions
from causette.clock import utc_now
from causette.ids import new_id
from causette.lab.fine_tuning.service import work_key
from causette.lab.fine_tuning.store import FineTuningStore
from causette.lab.fine_tuning.types import FineTuningJob, Hyperparameters, Status
from causette.plans.subscriptions import Assignment
from causette.releases.types import Lineage
from tests.adder import ADDING, Adder
from tests.app.route_cases import Case
from tests.house import PASSWORD, OpenHouse, Person, open_house
from tests.waiting import eventually


@dataclass(frozen=True)
class World:
    """An open house with two people, and a conversation of the first one's."""

    open: OpenHouse
    ada: Person
    bob: Person
    conversation: str
    question: str
    reply: str
    generation: str
    asking: str
    asked: str
    computing: str
    computed: str
    project: str
    invoice: str
    workspace: str
    member: str
    invitation: str
    key: str
    passkey: str
    identity: str
    other_session: str
    correction: str
    feedback: str
    job: str
    file: str
    assistant: str
    share: str
    brought: str
    memory: str
    rows: str
    tuning: str
    tuned: str

    async def ask(self, method: str, case: Case, headers: dict[str, str]) -> httpx2.Response:
        ids = {
            name: getattr(self, name)
            for name in (
                *("conversation", "question", "reply", "generation", "project", "invoice"),
                *("asking", "asked", "computing", "computed"),
                *("workspace", "member", "invitation", "key"),
                *("passkey", "identity", "other_session"),
                *("correction", "feedback", "job", "file", "assistant", "share", "brought", "memory"),
                *("rows", "tuning", "tuned"),
            )
        }
        body = None
        if case.body is not None:
            text = json.dumps(case.body)
            for name, value in ids.items():
                text = text.replace(f"{{{name}}}", value)
            body = json.loads(text)
        return await self.open.client.request(
            method, case.path.format_map(ids), json=body, headers=case.headers | headers
        )

    async def what_ada_has(self) -> object:
        """All that she sees of her conversation, her workspace and her keys."""
        seen: list[object] = []
        for path in (
            f"/api/conversations/{self.conversation}",
            f"/api/conversations/{self.conversation}/feedback",
            f"/api/workspaces/{self.workspace}",
            f"/api/workspaces/{self.workspace}/members",
            f"/api/workspaces/{self.workspace}/invitations",
            "/api/shares",
            "/api/projects",
            "/api/instructions",
            "/api/assistants",
            "/api/memories",
            f"/api/assistants/{self.assistant}",
            "/api/keys",
            "/api/user/factors",
            "/api/user/identities",
            "/api/sessions",
        ):
            answer = await self.open.client.get(path, headers=self.ada.cookie)
            assert answer.status_code == 200
            found = answer.json()
            if path == "/api/keys":
                # She uses one herself, below.
                for key in found["items"]:
                    del key["last_used_at"]
            seen.append(found)
        for path in (
            "/v1/files",
            f"/v1/files/{self.rows}/content",
            f"/v1/fine_tuning/jobs/{self.tuning}",
            f"/v1/fine_tuning/jobs/{self.tuning}/events",
        ):
            answer = await self.open.client.get(path, headers=self.ada.bearer)
            assert answer.status_code == 200
            seen.append(answer.text)
        return seen


async def an_invoice(opened: OpenHouse, person: Person) -> str:
    """Of a subscription that is over."""
    subscriptions, payer_id = opened.house.plans.subscriptions, person.caller.payer_id
    await subscriptions.assign(payer_id, Assignment(plan_id="plus", collection="invoice"))
    await subscriptions.cancel(payer_id, at_once=True)
    return (await opened.house.plans.invoices.of(payer_id))[-1].id


async def no_archive() -> AsyncGenerator[bytes]:
    yield b"no archive"


async def an_assistant(opened: OpenHouse, person: Person) -> str:
    """With a picture."""
    made = await opened.house.custom_assistants.create(person.caller, name="Engineer")
    await opened.house.custom_assistants.set_picture(
        person.caller, made.id, b64encode(b"\xff\xd8\xff").decode()
    )
    return made.id


async def a_workspace(opened: OpenHouse, person: Person) -> dict[str, str]:
    """With another member, and somebody who is invited."""
    accounts = opened.house.accounts
    workspace = (await accounts.workspaces.create(person.caller, name="Difference engines")).workspace.id
    carol = await accounts.create_user(name="Carol", email="carol@example.org", password=PASSWORD)
    invited = await accounts.workspaces.invite(
        person.caller, workspace, email="carol@example.org", role="member"
    )
    await accounts.workspaces.accept(Caller(user=carol), invited.token)
    waiting = await accounts.workspaces.invite(
        person.caller, workspace, email="dora@example.org", role="member"
    )
    return {"workspace": workspace, "member": carol.id, "invitation": waiting.invitation.id}


async def a_picture(opened: OpenHouse, person: Person) -> str:
    """That was uploaded, and could not be looked at."""

    async def pixel() -> AsyncGenerator[bytes]:
        yield b"\x89PNG\r\n\x1a\n and so on"

    file = await opened.house.files.upload(person.caller, pixel(), name="a.png")
    await FileStore(opened.house.database).change(file.id, status=FileStatus.FAILED)
    return file.id


async def a_tuning(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A file for training, a job whose files nobody has read yet, and a model that another one has made."""

    async def row() -> AsyncGenerator[bytes]:
        yield b'{"prompt": "Hello", "completion": "Hello yourself."}'

    files, database = opened.house.api_files, opened.house.database
    async with files.receive(person.caller, row()) as received:
        rows = await files.keep(person.caller, received, name="rows.jsonl", purpose="fine-tune")
    reading = FineTuningJob(
        id=new_id("ftjob"),
        user_id=person.caller.user.id,
        workspace_id=None,
        model="default",
        base="default",
        training_file=rows.id,
        validation_file=None,
        suffix=None,
        seed=0,
        method="supervised",
        hyperparameters=Hyperparameters(),
        metadata=None,
        status=Status.VALIDATING_FILES,
        turn=0,
        planned=None,
        error=None,
        trained_tokens=None,
        fine_tuned_model=None,
        artifact_id=None,
        result_file=None,
        request_id=new_id("req"),
        settled_at=None,
        created_at=utc_now(),
        estimated_finish=None,
        finished_at=None,
    )
    made, store = new_id("ftjob"), FineTuningStore(database)
    weights = opened.house.settings.data / f"{made}.gguf"
    weights.write_bytes(b"GGUF")
    artifact = await opened.house.releases.register_for(
        person.caller,
        weights,
        name=f"ft:default:{person.caller.payer_id}::{made.removeprefix('ftjob_')}",
        base="default",
        lineage=Lineage(parent="default", run_id=made),
    )
    done = replace(
        reading,
        id=made,
        status=Status.SUCCEEDED,
        fine_tuned_model=artifact.name,
        artifact_id=artifact.id,
        settled_at=utc_now(),
    )
    async with database.write() as connection:
        assert await store.add(connection, reading, most=1)
        await opened.house.jobs.ask(
            reading.user_id, "nothing", {}, key=work_key(reading), connection=connection
        )
        assert await store.add(connection, done, most=2)
    return {"rows": rows.id, "tuning": reading.id, "tuned": artifact.name}


async def ways_in(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A passkey, an account elsewhere, and a second browser."""
    owner_id, now = person.caller.user.id, utc_now()
    passkey = Passkey(
        id=new_id("pk"),
        owner_id=owner_id,
        credential_id=b"credential",
        public_key=b"key",
        sign_count=0,
        name="Laptop",
        synced=False,
        created_at=now,
        last_used_at=None,
    )
    identity = Identity(
        id=new_id("ident"),
        owner_id=owner_id,
        provider="example",
        subject="1",
        email=None,
        created_at=now,
        last_used_at=None,
    )
    async with opened.house.database.write() as connection:
        await insert_passkey(connection, passkey)
        await insert_identity(connection, identity)
    other = await opened.house.accounts.sign_in(person.email, PASSWORD, address="elsewhere")
    assert isinstance(other, SignedIn)
    return {"passkey": passkey.id, "identity": identity.id, "other_session": other.session.id}


async def a_waiting_step(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A reply that waits for its reader's yes, and the step that it waits with."""
    generation, step = await _a_step(opened, person, Adder(read_only=False), ADDING)
    return {"asking": generation, "asked": step}


async def a_browsers_step(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A reply that waits for what a browser computes, and the step that the browser "here" has claimed."""
    store = AssistantStore(opened.house.database)
    calling = '{"tool": "python", "arguments": {"code": "2 + 3"}}'
    generation, step = await _a_step(opened, person, Python(store, unclaimed_seconds=600), calling)
    await store.steps.claim(step, generation, "here", timedelta(minutes=10))
    return {"computing": generation, "computed": step}


async def _a_step(opened: OpenHouse, person: Person, tool: Tool, calling: str) -> tuple[str, str]:
    assistant, store = opened.house.assistant, AssistantStore(opened.house.database)
    assistant.writers.means = Means(toolbox=Toolbox([tool]))
    before, opened.engine.answer = opened.engine.answer, calling
    turn = await assistant.start(
        person.caller, content="2 + 3?", model=None, options=ReplyOptions(tools=(tool.name,))
    )

    async def asked() -> str | None:
        steps = Story(await store.events(turn.generation.id, 0)).steps
        return steps[0].id if steps else None

    step = await eventually(asked, "a step that waits")
    opened.engine.answer = before
    assert step is not None
    return turn.generation.id, step


async def let_it_be_searched(opened: OpenHouse, person: Person, file_id: str) -> None:
    """A document that could not be made searchable, as far as a test can tell it from others: it can be tried again."""
    store = KnowledgeStore(opened.house.database)
    document = document_of(
        file_id=file_id,
        owner_id=person.caller.user.id,
        title="a.png",
        version="1",
        passages=1,
        at=utc_now(),
    )
    passage = (Passage(start=0, end=5), "Hello")
    assert await store.replace(document, Postings.of(["Hello"]).packed(), [passage])
    await store.change(file_id, "1", IndexStatus.FAILED, error_code="unreadable", error_message="No.")


@asynccontextmanager
async def open_world(folder: Path) -> AsyncGenerator[World]:
    """A world whose house is in ``folder``."""
    async with open_house(folder) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        opened.engine.answer = "Hello yourself."
        assistant = opened.house.assistant
        turn = await assistant.start(ada.caller, content="Hello", model=None)
        async for _ in assistant.events(turn.generation, 0):
            pass
        found = ToolResult(text="5", summary="5")
        await AssistantStore(opened.house.database).steps.keep_result("step_found", turn.generation.id, found)
        _, correction = await opened.house.tree.correct(ada.caller, turn.messages[1].id, "Hello, Ada.")
        said = await opened.house.feedback.rate(ada.caller, turn.messages[1].id, "down")
        brought = await opened.house.importing.receive(ada.caller, "x", no_archive())
        shared = await opened.house.sharing.create(
            ada.caller, turn.conversation.id, Terms(until=turn.messages[1].id)
        )
        file = await a_picture(opened, ada)
        await let_it_be_searched(opened, ada, file)
        yield World(
            opened,
            ada,
            bob,
            conversation=turn.conversation.id,
            question=turn.messages[0].id,
            reply=turn.messages[1].id,
            generation=turn.generation.id,
            correction=correction.id,
            feedback=said.id,
            file=file,
            job=(await opened.house.jobs.ask(ada.caller.user.id, "nothing", {})).id,
            assistant=await an_assistant(opened, ada),
            share=shared.id,
            brought=brought.id,
            memory=(await opened.house.memories.write(ada.caller, "I build engines.")).id,
            project=(await opened.house.projects.create(ada.caller, name="Difference engines")).id,
            invoice=await an_invoice(opened, ada),
            **await a_browsers_step(opened, ada),
            **await a_waiting_step(opened, ada),
            **await a_workspace(opened, ada),
            **await a_tuning(opened, ada),
            **await ways_in(opened, ada),
            key=(await opened.house.accounts.keys.list(ada.caller))[0].id,
        )
