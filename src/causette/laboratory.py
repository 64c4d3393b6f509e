"""The lab with all that it needs of the house: runs in the background, fine-tuning, the flywheel, releases."""

import asyncio
from dataclasses import dataclass
from functools import partial

from causette.accounts import Accounts, Caller
from causette.assistant.feedback.service import FeedbackRoom
from causette.db import Database
from causette.door import Door
from causette.fleet import Fleet
from causette.jobs import Jobs
from causette.lab.fine_tuning import FineTuning
from causette.lab.fine_tuning.serving import FineTunedModels
from causette.lab.fine_tuning.work import FineTuningWork
from causette.lab.flywheel.curation import Curation
from causette.lab.flywheel.nights import Nights
from causette.lab.flywheel.turning import Flywheel
from causette.lab.releasing import Releasing
from causette.lab.running import Carrier, LabRuns
from causette.models import Models
from causette.platform.files import ApiFiles
from causette.releases import Releases
from causette.settings import Settings
from causette.staging import Staging


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """What makes models and has them served. `open` it once the database is up to date."""

    releases: Releases
    releasing: Releasing
    lab_runs: LabRuns
    curation: Curation
    flywheel: Flywheel
    fine_tuning: FineTuning
    fine_tuned: FineTunedModels
    staging: Staging

    async def open(self) -> None:
        """Follow what is released, and turn the flywheel."""
        await self.lab_runs.open()
        self.staging.open()
        self.fine_tuned.open()
        self.flywheel.open()

    async def close(self) -> None:
        """Leave both to others; the engines of what is released end."""
        await self.flywheel.close()
        await asyncio.gather(self.staging.close(), self.fine_tuned.close())


def build_laboratory(
    settings: Settings,
    database: Database,
    *,
    door: Door,
    fleet: Fleet,
    accounts: Accounts,
    models: Models,
    jobs: Jobs,
    api_files: ApiFiles,
    feedback: FeedbackRoom,
) -> Laboratory:
    """The lab on these foundations. Nothing is started."""
    carrier = Carrier(settings, book=door.training.book)
    lab_runs = LabRuns(carrier, jobs, at_once=settings.lab_at_once)
    releases = Releases(
        database, settings.data / "artifacts", deployed=lambda model: _is_deployed(fleet, model)
    )
    releases.rated_since = feedback.rated_since
    releasing = Releasing(settings, models, releases)
    fine_tuning = FineTuning(database, api_files, jobs, models, door.plans.entitlements)
    accounts.ties.append(fine_tuning.hold_back)
    FineTuningWork(
        database,
        jobs,
        api_files,
        carrier,
        models,
        releasing=releasing,
        ledger=door.ledger,
        entitlements=door.plans.entitlements,
        caller_of=accounts.caller_of,
        folder=settings.data / "fine-tuning",
        cost_of=door.training.cost_of,
        at_once=settings.lab_at_once,
    )
    fine_tuned = FineTunedModels(settings, database, releases, models, fleet.deployments)
    fleet.deployments.own = fine_tuned
    curation = Curation(database, feedback)
    return Laboratory(
        releases=releases,
        releasing=releasing,
        lab_runs=lab_runs,
        curation=curation,
        flywheel=Flywheel(
            database,
            settings.data / "flywheel",
            curation=curation,
            lab_runs=lab_runs,
            releasing=releasing,
            nights=Nights(database, curation, settings.flywheel, owner=partial(_first_owner, accounts)),
            caller_of=accounts.caller_of,
        ),
        fine_tuning=fine_tuning,
        fine_tuned=fine_tuned,
        staging=Staging(releases, fleet.deployments),
    )


async def _first_owner(accounts: Accounts) -> Caller | None:
    """Whoever has run the house for longest."""
    for user in await accounts.list_users():
        if user.role == "owner" and user.disabled_at is None:
            return Caller(user=user)
    return None


def _is_deployed(fleet: Fleet, model: str) -> bool:
    return any(deployment.name == model for deployment in fleet.deployments)
