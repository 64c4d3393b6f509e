"""What was fine-tuned answers to whom it belongs, by a real engine: here, the default model under another name."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.accounts import Caller
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.engines import kept_records
from causette.engines.types import Completed, Compute, Usage
from causette.errors import InvalidRequest, NotFound
from causette.lab.fine_tuning import serving
from causette.lab.fine_tuning.store import fine_tuning_jobs
from causette.ledger.tables import requests
from causette.releases.types import Lineage
from tests.conftest import TEXT_MODEL
from tests.house import PASSWORD, OpenHouse, open_house
from tests.lab.fine_tuning.house import client_of, paying
from tests.lab.fine_tuning.own_models import trained
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO: Any = [{"role": "user", "content": "Say hello."}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path_factory.mktemp("house"), jobs_at_once=0) as opened:
        yield opened


async def asked(client: openai.AsyncOpenAI, model: str) -> str:
    answer = await client.chat.completions.create(model=model, messages=HELLO, max_tokens=4)
    assert answer.model == model
    return answer.choices[0].message.content or ""


async def refused(client: openai.AsyncOpenAI, model: str) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        await asked(client, model)
    return caught.value


async def test_it_answers_its_owner_at_the_price_of_its_model_and_nobody_else(
    house: OpenHouse, text_model_path: Path
) -> None:
    ada, bob = await paying(house, "ada", 10_000_000_000), await house.person("bob")
    _, artifact = await trained(house.house, ada.caller, text_model_path)
    name = artifact.name
    async with client_of(house, ada.key) as client:
        assert await asked(client, name)
        streamed = await client.chat.completions.create(
            model=name,
            messages=HELLO,
            max_tokens=4,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in streamed]
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens
        assert chunks[0].system_fingerprint
        (own, *_) = [each for each in (await client.models.list()).data if each.id.startswith("ft:")]
        assert (own.id, own.owned_by, own.created) == (
            name,
            ada.caller.payer_id,
            int(artifact.created_at.timestamp()),
        )
        assert (await client.models.retrieve(name)).id == name
        raw = await client.models.with_raw_response.retrieve(name)
        assert raw.headers["x-ratelimit-limit-requests"]
    query = sa.select(requests).where(requests.c.payer_id == ada.caller.payer_id).order_by(requests.c.id)
    async with house.house.database.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    assert {(row["model"], row["deployment"], row["state"]) for row in rows} == {(name, name, "settled")}
    assert all(row["charge_nano"] > 0 and row["compute_ns"] > 0 for row in rows)
    async with client_of(house, bob.key) as client:
        error = await refused(client, name)
        assert (error.status_code, error.code) == (404, "model_not_found")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve(name)
        with pytest.raises(openai.NotFoundError):
            await client.models.delete(name)
        assert not [each.id for each in (await client.models.list()).data if each.id.startswith("ft:")]


async def test_a_workspaces_model_is_its_members_and_its_keys(
    house: OpenHouse, text_model_path: Path
) -> None:
    eve = await house.person("eve")
    workspaces, keys = house.house.accounts.workspaces, house.house.accounts.keys
    workspace = (await workspaces.create(eve.caller, name="Engines")).workspace.id
    acting = await workspaces.acting(eve.caller, workspace)
    _, artifact = await trained(house.house, acting, text_model_path)
    async with client_of(house, (await keys.create(acting, name="theirs")).secret) as client:
        assert await asked(client, artifact.name)
    # Eve's own key acts for herself.
    async with client_of(house, eve.key) as client:
        assert (await refused(client, artifact.name)).status_code == 404


async def test_what_is_not_safe_is_refused_until_somebody_answers_for_it(
    house: OpenHouse, text_model_path: Path
) -> None:
    joe = await house.person("joe")
    owner = Caller(
        user=await house.house.accounts.create_user(
            name="Root", email="root@example.org", password=PASSWORD, role="owner"
        )
    )
    _, unsafe = await trained(house.house, joe.caller, text_model_path, safe=False)
    _, unmeasured = await trained(house.house, joe.caller, text_model_path, safe=None, suffix="new")
    async with client_of(house, joe.key) as client:
        error = await refused(client, unsafe.name)
        assert (error.status_code, error.code) == (403, "model_not_safe")
        assert "less safe than what it was made from (harmless, half of them)" in error.message
        error = await refused(client, unmeasured.name)
        assert "has not measured whether it is safe" in error.message
        assert not [each.id for each in (await client.models.list()).data if each.id.startswith("ft:")]
        await house.house.releases.override(owner, unsafe, "A test of what is declined.")
        assert await asked(client, unsafe.name)


async def test_what_is_deleted_is_gone_with_its_weights(house: OpenHouse, text_model_path: Path) -> None:
    dan = await house.person("dan")
    job, artifact = await trained(house.house, dan.caller, text_model_path)
    run = house.house.settings.data / "runs" / f"{job.id}-tuned"
    run.mkdir(parents=True)
    async with client_of(house, dan.key) as client:
        assert await asked(client, artifact.name)
        deleted = await client.models.delete(artifact.name)
        assert (deleted.id, deleted.deleted, deleted.object) == (artifact.name, True, "model")
        assert (await refused(client, artifact.name)).status_code == 404
        with pytest.raises(openai.NotFoundError):
            await client.models.delete(artifact.name)
        with pytest.raises(openai.NotFoundError):
            await client.models.delete("scripted")
        # The job says what it had made.
        assert (await client.fine_tuning.jobs.retrieve(job.id)).fine_tuned_model == artifact.name
    assert not artifact.path.exists() and not run.exists()
    with pytest.raises(NotFound):
        await house.house.releases.artifact(artifact.id)
    entry = (await AuditLog(house.house.database, utc_now).entries(target_id=artifact.id))[0]
    assert (entry.act, entry.outcome, entry.details) == (
        "artifact.forget",
        "done",
        {"customer_id": dan.caller.payer_id},
    )


async def test_conversations_use_it_while_it_is_there(house: OpenHouse, text_model_path: Path) -> None:
    kim = await house.person("kim")
    _, artifact = await trained(house.house, kim.caller, text_model_path)

    async def ask(path: str, **body: object) -> dict[str, Any]:
        answer = await house.client.post(path, json=body, headers=kim.cookie)
        return answer.json() | {"code_": answer.status_code}

    models = (await house.client.get("/api/models", headers=kim.cookie)).json()["items"]
    (own,) = [each for each in models if each["name"] == artifact.name]
    assert (own["title"].partition(" ")[0], own["state"], own["default"]) == ("mine", "ready", False)
    assert own["description"]["fr"].startswith("Le vôtre, affiné à partir de")
    turn = await ask("/api/conversations", content="Say hello.", model=artifact.name)
    talk = turn["conversation"]["id"]

    async def written() -> dict[str, Any] | None:
        found = await house.client.get(f"/api/conversations/{talk}", headers=kim.cookie)
        last = found.json()["messages"][-1]
        return last if last["status"] != "streaming" else None

    reply = await eventually(written, "the reply", seconds=60)
    assert reply is not None and (reply["status"], reply["model"]) == ("complete", artifact.name)
    await house.house.fine_tuned.delete(kim.caller, artifact.name)
    gone = await ask(f"/api/conversations/{talk}/messages", content="And again?", parent_id=reply["id"])
    assert (gone["code_"], gone["code"]) == (404, "model_not_found")
    other = await ask(
        f"/api/conversations/{talk}/messages", content="And again?", parent_id=reply["id"], model="default"
    )
    assert other["code_"] == 201


async def test_one_model_is_listed_while_another_is_being_deleted(
    house: OpenHouse, text_model_path: Path
) -> None:
    liz = await house.person("liz")
    _, going = await trained(house.house, liz.caller, text_model_path)
    _, newest = await trained(house.house, liz.caller, text_model_path)
    _, unsafe = await trained(house.house, liz.caller, text_model_path, safe=False)
    assert [each.name for each in await house.house.fine_tuned.of(liz.caller)] == [newest.name, going.name]
    await house.house.releases.forget_for(liz.caller, going)
    assert [each.name for each in await house.house.fine_tuned.of(liz.caller)] == [newest.name]
    assert unsafe.name not in {each.name for each in await house.house.fine_tuned.of(liz.caller)}


async def test_weights_that_were_changed_are_not_loaded_and_nothing_is_charged(
    house: OpenHouse, text_model_path: Path
) -> None:
    pat = await paying(house, "pat", 10_000_000_000)
    _, artifact = await trained(house.house, pat.caller, text_model_path)
    artifact.path.chmod(0o600)
    with artifact.path.open("ab") as file:
        file.write(b"more")
    async with client_of(house, pat.key) as client:
        error = await refused(client, artifact.name)
    assert (error.status_code, error.code) == (503, "weights_changed")

    async def released() -> bool:
        query = sa.select(requests.c.state).where(requests.c.payer_id == pat.caller.payer_id)
        async with house.house.database.read() as connection:
            return list((await connection.execute(query)).scalars()) == ["released"]

    await eventually(released, "what was held to be given back")


async def test_the_books_find_what_an_engine_has_kept_that_is_gone(
    house: OpenHouse, text_model_path: Path
) -> None:
    sue = await house.person("sue")
    _, artifact = await trained(house.house, sue.caller, text_model_path)
    deployment = await house.house.fleet.deployments.called(artifact.name)
    assert deployment is not None
    done = Completed(Usage(5, output_tokens=3), Compute(7))
    records = house.house.settings.data / "engine-records"
    (file,) = [records / f"{artifact.name.replace(':', '%3A')}.jsonl"]
    await asyncio.to_thread(kept_records.keep, file, {"request": done})
    found = await deployment.engine.account("request")
    assert found is not None and (found.usage, found.compute.compute_ns) == (done.usage, 7)
    assert await deployment.engine.account("another") is None
    assert await house.house.fleet.deployments.called("ft:nobody:s:own:model") is None


async def test_the_models_of_an_account_go_with_it(
    house: OpenHouse, text_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tim, lou = await house.person("tim"), await house.person("lou")
    _, gone = await trained(house.house, tim.caller, text_model_path)
    _, stays = await trained(house.house, lou.caller, text_model_path)
    query = sa.delete(fine_tuning_jobs).where(fine_tuning_jobs.c.user_id == tim.caller.user.id)
    async with house.house.database.write() as connection:
        await connection.execute(query)
    # It may be a job's that is about to say so.
    assert await house.house.fine_tuned.sweep() == 0
    monkeypatch.setattr(serving, "_UNKNOWN_FOR", timedelta(0))
    assert await house.house.fine_tuned.sweep() == 1
    assert (gone.path.exists(), stays.path.exists()) == (False, True)
    with pytest.raises(NotFound):
        await house.house.releases.artifact(gone.id)
    entry = (await AuditLog(house.house.database, utc_now).entries(target_id=gone.id))[0]
    assert (entry.act, entry.details) == ("artifact.forget", {"customer_id": ""})


async def test_nobody_takes_such_a_name(house: OpenHouse, text_model_path: Path) -> None:
    owner = Caller(
        user=await house.house.accounts.create_user(
            name="Boss", email="boss@example.org", password=PASSWORD, role="owner"
        )
    )
    with pytest.raises(InvalidRequest, match="fine-tuning jobs' models"):
        await house.house.releases.register(
            owner,
            text_model_path,
            name="ft:mine",
            base=TEXT_MODEL,
            lineage=Lineage(parent=TEXT_MODEL, run_id="r"),
        )
