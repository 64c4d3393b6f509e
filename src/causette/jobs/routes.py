"""``/api/jobs``."""

from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.jobs.service import Jobs
from causette.jobs.types import JobStatus


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def jobs(self) -> Jobs: ...


def _jobs(request: Request) -> Jobs:
    house: House = request.app.state.house
    return house.jobs


class JobOut(BaseModel):
    """A piece of background work."""

    model_config = ConfigDict(from_attributes=True, title="Job")

    id: str
    kind: str
    status: JobStatus
    progress: Annotated[int, Field(description="How far it is")]
    total: Annotated[int | None, Field(description="How far it goes; null where nobody can say")]
    result: Annotated[dict[str, object] | None, Field(description="What came of it")]
    error_code: str | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/jobs", tags=["jobs"])

    @routes.get("/{job_id}")
    async def read_job(job_id: str, caller: SignedInCaller, request: Request) -> JobOut:
        """How far something is that was asked for."""
        return JobOut.model_validate(await _jobs(request).find(caller, job_id))

    @routes.post("/{job_id}/cancel")
    async def cancel_job(job_id: str, caller: SignedInCaller, request: Request) -> JobOut:
        """Call it off. What has ended stays as it is."""
        return JobOut.model_validate(await _jobs(request).cancel(caller, job_id))

    return routes
