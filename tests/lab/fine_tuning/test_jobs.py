"""``/v1/fine_tuning/jobs`` as OpenAI's client uses it, carried out whole on a model that learns in seconds."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
import sqlalchemy as sa
from openai.types.fine_tuning import FineTuningJob

from causette.audit import AuditLog
from causette.clock import utc_now
from causette.errors import Conflict, Unavailable
from causette.lab import installed
from causette.lab.runs import Runs
from causette.ledger.tables import balances, requests
from causette.ledger.verify import verify
from tests.house import OpenHouse, open_house
from tests.lab.fine_tuning.house import client_of, paying
from tests.lab.small import WORDS, said, small_lab, small_model
from tests.waiting import eventually

FAST: dict[str, Any] = {"n_epochs": 1, "batch_size": 8}
CONVERSATIONS = [said(f"Say {first} {second}", first) for first in WORDS for second in WORDS[:4]]
PREFERENCES = [
    {
        "input": {"messages": [{"role": "user", "content": f"Say {word}"}]},
        "preferred_output": [{"role": "assistant", "content": word}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }
    for word in WORDS
]
# Of safety, what needs nothing fetched: whether harmless questions are answered.
GATE = "".join(
    f"[safety.{name}]\nprompts = 0\n"
    for name in ("do-not-answer", "harmbench", "jailbreaks", "system-prompt", "toxicity")
)
GATE += "[safety.harmless]\ntokens = 8\n"


def lines(rows: Sequence[object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lab(tmp_path_factory.mktemp("lab"))


def furnished(lab: Path, folder: Path) -> Path:
    small_model(lab, folder, context=192)
    (folder / "gate.toml").write_text(GATE)
    return folder


@pytest_asyncio.fixture
async def idle(lab: Path, tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    """A house that takes jobs and does none."""
    async with open_house(furnished(lab, tmp_path), jobs_at_once=0) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[OpenHouse]:
    """A house that does them, whose machine costs a dollar an hour."""
    machine = {"name": "here", "usd_per_hour": "1", "watts_idle": "50", "watts_busy": "100"}
    folder = furnished(lab, tmp_path_factory.mktemp("house"))
    async with open_house(folder, lab_threads=1, machine=machine) as opened:
        yield opened


async def upload(client: openai.AsyncOpenAI, content: bytes) -> str:
    return (await client.files.create(file=("rows.jsonl", content), purpose="fine-tune")).id


async def until(
    client: openai.AsyncOpenAI, job: FineTuningJob, wanted: Callable[[FineTuningJob], bool], what: str
) -> FineTuningJob:
    async def there() -> FineTuningJob | None:
        # Each look takes of what is trained with.
        await asyncio.sleep(0.2)
        found = await client.fine_tuning.jobs.retrieve(job.id)
        return found if wanted(found) else None

    found = await eventually(there, what, seconds=120)
    assert found is not None
    return found


async def over(client: openai.AsyncOpenAI, job: FineTuningJob) -> FineTuningJob:
    return await until(client, job, lambda found: found.finished_at is not None, "the job to end")


async def settled(opened: OpenHouse, job: FineTuningJob) -> sa.RowMapping:
    """The job's row in the books, once it has ended."""
    query = sa.select(requests).where(requests.c.engine_request_id == job.id, requests.c.state != "held")

    async def there() -> sa.RowMapping | None:
        async with opened.house.database.read() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    found = await eventually(there, "the books to be settled", seconds=60)
    assert found is not None
    return found


async def told(client: openai.AsyncOpenAI, job: FineTuningJob) -> list[str]:
    return [event.message async for event in client.fine_tuning.jobs.list_events(job.id, limit=100)][::-1]


async def balance(opened: OpenHouse, account: str) -> int:
    query = sa.select(balances.c.amount_nano).where(balances.c.account == account)
    async with opened.house.database.read() as connection:
        return (await connection.execute(query)).scalar_one_or_none() or 0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_model_is_trained_registered_and_charged(busy: OpenHouse) -> None:
    ada = await paying(busy, "ada", 10_000_000_000)
    async with client_of(busy, ada.key) as client:
        training, validation = (
            await upload(client, lines(CONVERSATIONS)),
            await upload(client, lines([said("Say tree fast", "tree")])),
        )
        job = await client.fine_tuning.jobs.create(
            model="small",
            training_file=training,
            validation_file=validation,
            suffix="echo",
            seed=7,
            method={"type": "supervised", "supervised": {"hyperparameters": FAST}},
            metadata={"team": "engines"},
        )
        assert (job.object, job.status, job.model, job.seed) == (
            "fine_tuning.job",
            "validating_files",
            "small",
            7,
        )
        assert (job.organization_id, job.metadata) == (ada.caller.payer_id, {"team": "engines"})
        assert job.trained_tokens is None and job.fine_tuned_model is None and job.result_files == []
        done = await over(client, job)
        assert done.status == "succeeded", done.error
        assert done.fine_tuned_model == f"ft:small:{ada.caller.payer_id}:echo:{job.id.removeprefix('ftjob_')}"
        assert done.trained_tokens and (done.hyperparameters.n_epochs, done.hyperparameters.batch_size) == (
            1,
            8,
        )
        (result,) = done.result_files
        table = (await client.files.content(result)).text.splitlines()
        assert table[0] == "step,train_loss,full_valid_loss,learning_rate"
        assert (await client.files.retrieve(result)).purpose == "fine-tune-results"
        messages = await told(client, job)
        steps = [message for message in messages if message.startswith("Step ")]
        assert len(table) - 1 == len(steps) and f"Step {len(steps)}/{len(steps)}: training loss=" in steps[-1]
        assert messages[0] == f"Created fine-tuning job: {job.id}"
        assert messages[-2:] == [
            f"New fine-tuned model created: {done.fine_tuned_model}",
            "The job has successfully completed",
        ]
        (checkpoint,) = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
        assert checkpoint.fine_tuned_model_checkpoint == done.fine_tuned_model
        assert (checkpoint.step_number, checkpoint.fine_tuning_job_id) == (len(steps), job.id)
        assert checkpoint.metrics.full_valid_loss is not None
        # The house's own model is scripted: what answers here is what was trained, in an engine of its own.
        answer = await client.chat.completions.create(
            model=done.fine_tuned_model,
            messages=[{"role": "user", "content": "Say river stone"}],
            max_tokens=4,
        )
        assert answer.model == done.fine_tuned_model and answer.system_fingerprint
        assert answer.usage is not None and answer.usage.prompt_tokens
    row = await settled(busy, job)
    # 1.50 dollars a million.
    assert (row["state"], row["input_tokens"]) == ("settled", done.trained_tokens)
    assert row["charge_nano"] == -(-done.trained_tokens * 1_500_000_000 // 1_000_000)
    artifact = await busy.house.releases.artifact(done.fine_tuned_model)
    assert artifact.path.read_bytes()[:4] == b"GGUF"
    assert (artifact.base, artifact.created_by, artifact.lineage.parent) == ("small", ada.email, "small")
    assert artifact.cost_nano > 0
    assert [recipe["stage"] for recipe in artifact.lineage.recipes] == ["data", "sft", "export"]
    (entry,) = await AuditLog(busy.house.database, utc_now).entries(target_id=artifact.id)
    assert (entry.act, entry.actor, entry.outcome) == ("artifact.register", "fine-tuning", "done")
    assert entry.details == {"customer_id": ada.caller.payer_id}
    # The machine's bill is requests, training and idle time: `verify` adds them up. It was measured as well as made.
    booked = await balance(busy, "training:here")
    assert booked == await busy.house.door.training.cost_of(job.id) > artifact.cost_nano
    (report,) = await busy.house.releases.reports(artifact)
    assert {check.group for check in report.checks} == {"safety"} and not report.passed

    async def tidy() -> bool:
        return not (busy.house.settings.data / "fine-tuning" / job.id).exists()

    await eventually(tidy, "the training data to be removed")
    assert (await verify(busy.house.database)).problems == ()


@pytest.mark.asyncio(loop_scope="module")
async def test_preferences_are_learned(busy: OpenHouse) -> None:
    eve = await busy.person("eve")
    async with client_of(busy, eve.key) as client:
        job = await client.fine_tuning.jobs.create(
            model="small",
            training_file=await upload(client, lines(PREFERENCES)),
            method={"type": "dpo", "dpo": {"hyperparameters": {**FAST, "beta": 0.2}}},
        )
        done = await over(client, job)
        assert done.status == "succeeded", done.error
        assert done.method is not None and done.method.dpo is not None
        assert done.method.dpo.hyperparameters is not None and done.method.dpo.hyperparameters.beta == 0.2
        assert "train_accuracy" in (await client.files.content(done.result_files[0])).text
    row = await settled(busy, job)
    # Of the house's own plan everything is included.
    assert (row["offer"], row["charge_nano"]) == ("included", 0)


@pytest.mark.asyncio(loop_scope="module")
async def test_files_that_cannot_be_learned_from_are_told_by_line(busy: OpenHouse) -> None:
    dan = await busy.person("dan")
    good = json.dumps(said("Say tree", "tree"))
    # One file for all: reading it begins a process that takes seconds.
    bad = "\n".join(
        (
            good,
            '{"messages": [',
            json.dumps({"messages": [{"role": "robot", "content": "x"}]}),
            json.dumps(PREFERENCES[0]),
            good,
        )
    )
    async with client_of(busy, dan.key) as client:
        jobs = client.fine_tuning.jobs
        broken = await jobs.create(model="small", training_file=await upload(client, bad.encode()))
        long = await jobs.create(
            model="small", training_file=await upload(client, lines([said("Say " + "tree " * 200, "tree")]))
        )
        ended = await over(client, broken)
        assert ended.status == "failed" and ended.error is not None
        assert (ended.error.code, ended.error.param) == ("invalid_training_file", "training_file")
        for line in (
            "line 2: is not JSON",
            "line 3: messages[0].role",
            "line 4: is a preference, and this takes",
        ):
            assert line in ended.error.message
        assert (
            "line 1:" not in ended.error.message and str(busy.house.settings.data) not in ended.error.message
        )
        ended = await over(client, long)
        assert ended.error is not None and ended.error.param == "training_file"
        assert "Every example has more than 192 tokens" in ended.error.message
        assert (await told(client, broken))[-1].startswith(
            "The job failed: 3 problems in the training file: "
        )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_job_is_paused_resumed_and_cancelled(busy: OpenHouse) -> None:
    joe = await paying(busy, "joe", 10_000_000_000)
    async with client_of(busy, joe.key) as client:
        jobs = client.fine_tuning.jobs
        job = await jobs.create(
            model="small",
            training_file=await upload(client, lines(CONVERSATIONS)),
            hyperparameters={"n_epochs": 50, "batch_size": 1},
        )
        with pytest.raises(openai.ConflictError) as early:
            await jobs.pause(job.id)
        assert early.value.code == "job_not_pausable"

        async def trained() -> bool:
            return any(message.startswith("Step ") for message in await told(client, job))

        await eventually(trained, "a step", seconds=120)
        running = await jobs.retrieve(job.id)
        assert running.status == "running"
        paused = await jobs.pause(job.id)
        assert str(paused.status) == "paused"
        with pytest.raises(Conflict):
            await busy.house.fine_tuning.hold_back(joe.caller.payer_id)
        resumed = await jobs.resume(job.id)
        assert resumed.status == "queued"
        with pytest.raises(openai.ConflictError) as twice:
            await jobs.resume(job.id)
        assert twice.value.code == "job_not_paused"
        runs = Runs(busy.house.settings.data / "runs")

        async def gone_on() -> bool:
            events = runs.events(f"{job.id}-tuned")
            return any("Resuming after step" in str(event.get("note")) for event in events)

        await eventually(gone_on, "it to go on from its checkpoint", seconds=60)
        cancelled = await jobs.cancel(job.id)
        assert cancelled.status == "cancelled" and cancelled.finished_at is not None
        row = await settled(busy, job)
        with pytest.raises(openai.ConflictError) as late:
            await jobs.cancel(job.id)
        assert late.value.code == "job_is_over"

        async def closed() -> FineTuningJob | None:
            found = await jobs.retrieve(job.id)
            return found if found.trained_tokens is not None else None

        ended = await eventually(closed, "it to be settled")
        assert ended is not None and ended.trained_tokens
    # Some of it was trained, and is charged; the rest is given back.
    assert row["outcome"] == "stopped" and 0 < row["input_tokens"] < row["input_bound"]
    assert row["input_tokens"] == ended.trained_tokens
    assert row["charge_nano"] == -(-row["input_tokens"] * 1500)
    assert (await verify(busy.house.database)).problems == ()


@pytest.mark.asyncio(loop_scope="module")
async def test_who_cannot_pay_is_not_trained_for(busy: OpenHouse) -> None:
    poor = await paying(busy, "poor", 1)
    async with client_of(busy, poor.key) as client:
        job = await client.fine_tuning.jobs.create(
            model="small", training_file=await upload(client, lines(CONVERSATIONS))
        )
        failed = await over(client, job)
    assert failed.error is not None and failed.error.code == "insufficient_quota"
    assert not (busy.house.settings.data / "runs" / f"{job.id}-tuned").exists()


async def test_a_job_outlives_the_sigkill_of_its_worker(lab: Path, tmp_path: Path) -> None:
    machine = {"name": "here", "usd_per_hour": "1"}
    folder = furnished(lab, tmp_path)
    (folder / "causette.toml").write_text('[machine]\nname = "here"\nusd_per_hour = "1"\n')
    async with open_house(folder, jobs_at_once=0, machine=machine) as opened:
        ada = await paying(opened, "ada", 10_000_000_000)

        async def worker() -> asyncio.subprocess.Process:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.lab.fine_tuning.worker", str(folder)),
                cwd=Path(__file__).parents[3],
                env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
            )

        async with client_of(opened, ada.key) as client:
            job = await client.fine_tuning.jobs.create(
                model="small",
                training_file=await upload(client, lines(CONVERSATIONS)),
                seed=1,
                method={
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": 1}},
                },
            )
            first = await worker()

            async def trained() -> bool:
                return bool(list((folder / "runs" / f"{job.id}-tuned" / "checkpoints").glob("step-*.pt")))

            await eventually(trained, "a checkpoint", seconds=120)
            first.send_signal(signal.SIGKILL)
            await first.wait()
            second = await worker()
            try:
                done = await over(client, job)
                assert done.status == "succeeded", done.error
                row = await settled(opened, job)
                steps = [message for message in await told(client, job) if message.startswith("Step ")]
            finally:
                second.terminate()
                await second.wait()
        assert len(steps) == len(set(steps)), "each step is told once"
        assert row["input_tokens"] == done.trained_tokens == row["input_bound"]
        assert (
            await balance(opened, f"customer:{ada.caller.payer_id}") == -10_000_000_000 + row["charge_nano"]
        )
        assert done.fine_tuned_model is not None
        artifact = await opened.house.releases.artifact(done.fine_tuned_model)
        assert [each.name for each in await opened.house.releases.artifacts()] == [artifact.name]
        events = Runs(folder / "runs").events(f"{job.id}-tuned")
        assert any("Resuming after step" in str(event.get("note")) for event in events)
        # What the killed process took is booked as well, once.
        assert await balance(opened, "training:here") >= artifact.cost_nano > 0
        assert (await verify(opened.house.database)).problems == ()


async def test_what_cannot_be_made_is_refused_with_its_field(
    idle: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await idle.person("ada"), await idle.person("bob")
    async with client_of(idle, bob.key) as client:
        theirs = await upload(client, lines(CONVERSATIONS))
    async with client_of(idle, ada.key) as client:
        file = await upload(client, lines(CONVERSATIONS))
        jobs = client.fine_tuning.jobs

        async def refused(code: str, param: str | None, **body: Any) -> None:
            asked: dict[str, Any] = {"model": "small", "training_file": file, **body}
            with pytest.raises(openai.BadRequestError) as caught:
                await jobs.create(**asked)
            assert (caught.value.code, caught.value.param) == (code, param), caught.value.message

        await refused("model_not_available", "model", model="gpt-4o-mini")
        await refused("model_not_available", "model", model="all-minilm-l6-v2")
        await refused("file_not_found", "training_file", training_file=theirs)
        await refused("file_not_found", "training_file", training_file="file-abc123")
        await refused("file_not_found", "validation_file", validation_file=theirs)
        await refused("invalid_request", "suffix", suffix="no spaces")
        await refused("invalid_request", "seed", seed=-1)
        await refused("unknown_parameter", "what", extra_body={"what": 1})
        await refused("invalid_value", "method.type", method={"type": "reinforcement"})
        await refused(
            "invalid_value",
            "method.supervised.hyperparameters.n_epochs",
            method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 0}}},
        )
        await refused("invalid_request", "method.dpo", method={"type": "supervised", "dpo": {}})
        await refused(
            "invalid_request",
            "hyperparameters",
            method={"type": "supervised"},
            hyperparameters={"n_epochs": 1},
        )
        await refused(
            "invalid_value", "integrations", integrations=[{"type": "wandb", "wandb": {"project": "x"}}]
        )
        await refused("invalid_value", "metadata", metadata={str(number): "x" for number in range(17)})
        made = [
            await jobs.create(model="small", training_file=file, metadata={"n": str(n)}) for n in range(3)
        ]
        with pytest.raises(openai.RateLimitError) as caught:
            await jobs.create(model="small", training_file=file)
        assert caught.value.code == "too_many_jobs"
        assert [job.id async for job in jobs.list(limit=2)] == [job.id for job in reversed(made)]
        assert [job.id async for job in jobs.list(metadata={"n": "1"})] == [made[1].id]
        assert (await jobs.list(extra_query={"metadata": "null"})).data == []
        async with client_of(idle, bob.key) as other:
            for wanted in (
                other.fine_tuning.jobs.retrieve(made[0].id),
                other.fine_tuning.jobs.cancel(made[0].id),
                other.fine_tuning.jobs.list_events(made[0].id),
                other.fine_tuning.jobs.checkpoints.list(made[0].id),
            ):
                with pytest.raises(openai.NotFoundError):
                    await wanted
            assert (await other.fine_tuning.jobs.list()).data == []
        monkeypatch.setattr(installed, "_NEEDED", ("no_such_library",))
        with pytest.raises(openai.APIStatusError, match=r"pip install 'causette\[lab\]'") as lacking:
            await jobs.create(model="small", training_file=file)
        assert (lacking.value.status_code, lacking.value.code) == (501, "lab_not_installed")


async def test_training_has_a_price_of_its_own(idle: OpenHouse) -> None:
    ada = await paying(idle, "ada", 1_000)
    allowed = await idle.house.plans.entitlements(ada.caller)
    (offer,) = allowed.training_offers("small", ada.caller)
    assert (offer.name, offer.price.input, offer.price.output) == ("metered", 1_500_000_000, 0)
    # Not the plan's tokens a minute, which one file would exhaust.
    assert [limit.meter.value for limit in offer.limits] == ["money"]

    def nothing(*names: str) -> None:
        return None

    unpriced = replace(allowed, training_price_of=nothing)
    with pytest.raises(Unavailable, match="has no price") as caught:
        unpriced.training_offers("small", ada.caller)
    assert (caught.value.code, caught.value.param) == ("price_missing", "model")
