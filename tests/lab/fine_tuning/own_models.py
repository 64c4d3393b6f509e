"""Models of people's own, as if they had been trained: the weights are the default model's.

``python -m tests.lab.fine_tuning.own_models DATA ADDRESS WEIGHTS`` gives one to somebody.
"""

import asyncio
import sys
from pathlib import Path

from causette.accounts import Caller
from causette.clock import utc_now
from causette.house import House, build_house
from causette.ids import new_id
from causette.lab.fine_tuning.store import FineTuningStore
from causette.lab.fine_tuning.types import FineTuningJob, Hyperparameters, Status
from causette.releases import Artifact, Check
from causette.releases.types import Lineage
from causette.settings import load_settings
from tests.conftest import TEXT_MODEL


async def trained(
    house: House, caller: Caller, weights: Path, *, safe: bool | None = True, suffix: str = "mine"
) -> tuple[FineTuningJob, Artifact]:
    """What a job leaves that has succeeded. It was found ``safe``, or not, or was not measured."""
    job_id = new_id("ftjob")
    name = f"ft:{TEXT_MODEL}:{caller.payer_id}:{suffix}:{job_id.partition('_')[2]}"
    artifact = await house.releases.register_for(
        caller,
        weights,
        name=name,
        base=TEXT_MODEL,
        lineage=Lineage(parent=TEXT_MODEL, run_id=f"{job_id}-tuned"),
    )
    if safe is not None:
        check = Check(
            name="harmless",
            group="safety",
            passed=safe,
            candidate=0.5,
            baseline=0.0,
            unit="share of unsafe replies",
            asked="not worse",
            found="half of them",
        )
        await house.releases.report(
            artifact,
            run_id=f"{job_id}-gate",
            baseline=TEXT_MODEL,
            checks=[check],
            policy={},
            seconds=1.0,
            machine="here",
        )
    job = FineTuningJob(
        id=job_id,
        user_id=caller.user.id,
        workspace_id=caller.workspace_id,
        model="default",
        base=TEXT_MODEL,
        training_file="file_1",
        validation_file=None,
        suffix=suffix,
        seed=1,
        method="supervised",
        hyperparameters=Hyperparameters(),
        metadata=None,
        status=Status.SUCCEEDED,
        turn=0,
        planned=None,
        error=None,
        trained_tokens=10,
        fine_tuned_model=name,
        artifact_id=artifact.id,
        result_file=None,
        request_id=new_id("req"),
        settled_at=utc_now(),
        created_at=utc_now(),
        estimated_finish=None,
        finished_at=utc_now(),
    )
    async with house.database.write() as connection:
        assert await FineTuningStore(house.database).add(connection, job, most=10)
    return job, artifact


async def give(data: Path, address: str, weights: Path) -> None:
    """Leave a model of somebody's own in a data folder."""
    house = build_house(load_settings(data=data))
    try:
        user = await house.accounts.find_user(address)
        assert user is not None
        await trained(house, Caller(user=user), weights)
    finally:
        await house.accounts.close()
        await house.database.close()


if __name__ == "__main__":
    folder, to, file = sys.argv[1:]
    asyncio.run(give(Path(folder), to, Path(file)))
