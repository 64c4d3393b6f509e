"""Durable background work: what takes longer than a request, and must not be lost when a process is."""

from causette.jobs.service import Jobs
from causette.jobs.types import Handler, Job, JobFailed, JobStatus, Work

__all__ = ["Handler", "Job", "JobFailed", "JobStatus", "Jobs", "Work"]
