"""The tables of artifacts, gate reports, approvals, releases and their tallies, and every query on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database, UtcDateTime, metadata
from causette.releases.types import (
    Approval,
    Arm,
    Artifact,
    Bounds,
    Check,
    GateReport,
    Lineage,
    Release,
    ReleaseState,
    Tally,
    Unserved,
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("lineage", sa.JSON, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("cost_nano", sa.BigInteger, nullable=False),
    # Not a reference: what was made outlives the account of who made it.
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

gate_reports = sa.Table(
    "gate_reports",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
    # A run is reported once, however many processes come to its end.
    sa.Column("run_id", sa.Text),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("checks", sa.JSON, nullable=False),
    sa.Column("policy", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index(None, "artifact_id", "id"),
    sa.Index(None, "run_id", unique=True),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
    sa.Column("report_id", sa.Text, sa.ForeignKey("gate_reports.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("kind IN ('signed', 'overridden')", name="kind"),
    sa.CheckConstraint("kind = 'signed' OR reason <> ''", name="reason"),
    sa.Index(None, "artifact_id", "id"),
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
    # Nothing is released without somebody's word on a report.
    sa.Column("approval_id", sa.Text, sa.ForeignKey("approvals.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("share_percent", sa.Float, nullable=False),
    sa.Column("bounds", sa.JSON, nullable=False),
    sa.Column("previous_id", sa.Text, sa.ForeignKey("releases.id")),
    sa.Column("begun_by", sa.Text, nullable=False),
    sa.Column("begun_at", UtcDateTime, nullable=False),
    sa.Column("promoted_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("reason", sa.Text, nullable=False),
    sa.CheckConstraint(
        "state IN ('canary', 'released', 'superseded', 'rolled_back', 'undone')", name="state"
    ),
    sa.Index(None, "model", "id"),
    # One canary of a model at a time, and one release in force.
    *(
        sa.Index(
            f"ix_releases_{state}",
            "model",
            unique=True,
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
        for state in ("canary", "released")
    ),
)

unserved_releases = sa.Table(
    "unserved_releases",
    metadata,
    sa.Column("release_id", sa.Text, sa.ForeignKey("releases.id"), primary_key=True),
    sa.Column("process", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("instead", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    # When its process said so last: one that was killed does not take it back.
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

release_tallies = sa.Table(
    "release_tallies",
    metadata,
    sa.Column("release_id", sa.Text, sa.ForeignKey("releases.id"), primary_key=True),
    sa.Column("arm", sa.Text, primary_key=True),
    sa.Column("minute", UtcDateTime, primary_key=True),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("errors", sa.BigInteger, nullable=False),
    sa.Column("firsts", sa.BigInteger, nullable=False),
    sa.Column("first_log", sa.Float, nullable=False),
    sa.Column("first_log_squares", sa.Float, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("compute_ns", sa.BigInteger, nullable=False),
    sa.CheckConstraint("arm IN ('stable', 'canary')", name="arm"),
)

_SUMS: Final = tuple(Tally.__slots__)


class ReleaseStore:
    """Artifacts and releases in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Artifacts and what is said of them

    async def add_artifact(self, artifact: Artifact) -> bool:
        """Keep an artifact, unless there is one of its name; whether it was kept."""
        values = asdict(artifact) | {"path": str(artifact.path), "metrics": dict(artifact.metrics)}
        statement = self._insert(artifacts).values(values).on_conflict_do_nothing(index_elements=["name"])
        async with self._database.write() as connection:
            kept = await connection.execute(statement.returning(artifacts.c.id))
            return kept.scalar_one_or_none() is not None

    async def artifact(self, artifact_id: str) -> Artifact | None:
        """The artifact with this id, or of this name."""
        query = sa.select(artifacts).where(
            sa.or_(artifacts.c.id == artifact_id, artifacts.c.name == artifact_id)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
            return None if row is None else _to_artifact(row)

    async def artifacts(
        self, *, among: Collection[str] | None = None, before: str | None = None, limit: int = 50
    ) -> list[Artifact]:
        """Artifacts, the newest first: all, or those of some ids; from before an id."""
        query = sa.select(artifacts).order_by(artifacts.c.id.desc()).limit(limit)
        if among is not None:
            query = query.where(artifacts.c.id.in_(among))
        if before is not None:
            query = query.where(artifacts.c.id < before)
        async with self._database.read() as connection:
            return [_to_artifact(row) for row in (await connection.execute(query)).mappings()]

    async def artifact_names(self, artifact_ids: Collection[str]) -> dict[str, str]:
        """What artifacts are called, by id."""
        query = sa.select(artifacts.c.id, artifacts.c.name).where(artifacts.c.id.in_(artifact_ids))
        async with self._database.read() as connection:
            return {row.id: row.name for row in await connection.execute(query)}

    async def was_released(self, artifact_id: str) -> bool:
        """Whether there is or was a release of an artifact."""
        query = sa.select(sa.exists().where(releases.c.artifact_id == artifact_id))
        async with self._database.read() as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def forget_artifact(self, artifact_id: str) -> None:
        """Forget an artifact that was never released, with what was said of it."""
        async with self._database.write() as connection:
            for table in (approvals, gate_reports):
                await connection.execute(sa.delete(table).where(table.c.artifact_id == artifact_id))
            await connection.execute(sa.delete(artifacts).where(artifacts.c.id == artifact_id))

    async def add_report(self, report: GateReport) -> bool:
        """Keep what the gate found, unless there is a report of its run; whether it was kept."""
        values = asdict(report) | {"policy": dict(report.policy)}
        statement = (
            self._insert(gate_reports).values(values).on_conflict_do_nothing(index_elements=["run_id"])
        )
        async with self._database.write() as connection:
            kept = await connection.execute(statement.returning(gate_reports.c.id))
            return kept.scalar_one_or_none() is not None

    async def report_of(self, run_id: str) -> GateReport | None:
        """The report of a run of the gate, if there is one."""
        query = sa.select(gate_reports).where(gate_reports.c.run_id == run_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_report(row)

    async def reports(self, *artifact_ids: str) -> list[GateReport]:
        """What the gate found of artifacts, the newest first."""
        query = sa.select(gate_reports).where(gate_reports.c.artifact_id.in_(artifact_ids))
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(gate_reports.c.id.desc()))
            return [_to_report(row) for row in rows.mappings()]

    async def add_approval(self, approval: Approval) -> None:
        """Keep somebody's word."""
        async with self._database.write() as connection:
            await connection.execute(sa.insert(approvals).values(asdict(approval)))

    async def approvals(self, *artifact_ids: str) -> list[Approval]:
        """What people said of artifacts, the newest first."""
        query = sa.select(approvals).where(approvals.c.artifact_id.in_(artifact_ids))
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(approvals.c.id.desc()))
            return [Approval(**row) for row in rows.mappings()]

    # Releases

    async def add_release(self, release: Release) -> bool:
        """Begin a release, unless its model has a canary already; whether it was begun."""
        async with self._database.write() as connection:
            held = sa.select(sa.literal(1)).where(_is_of(release.model, "canary")).with_for_update()
            if (await connection.execute(held)).first() is not None:
                return False
            statement = (
                self._insert(releases)
                .values(asdict(release))
                .on_conflict_do_nothing(
                    index_elements=[releases.c.model], index_where=sa.text("state = 'canary'")
                )
                .returning(releases.c.id)
            )
            return (await connection.execute(statement)).scalar_one_or_none() is not None

    async def release(self, release_id: str) -> Release | None:
        """One release."""
        async with self._database.read() as connection:
            return await _release(connection, releases.c.id == release_id)

    async def releases(
        self, model: str | None = None, *, before: str | None = None, limit: int = 50
    ) -> list[Release]:
        """Releases, the newest first, from before an id: all, or those of a model."""
        query = sa.select(releases).order_by(releases.c.id.desc()).limit(limit)
        if model is not None:
            query = query.where(releases.c.model == model)
        if before is not None:
            query = query.where(releases.c.id < before)
        async with self._database.read() as connection:
            return [_to_release(row) for row in (await connection.execute(query)).mappings()]

    async def in_force(self) -> list[Release]:
        """Every release that somebody is served."""
        query = sa.select(releases).where(releases.c.state.in_(("canary", "released")))
        async with self._database.read() as connection:
            return [_to_release(row) for row in (await connection.execute(query)).mappings()]

    async def set_share(self, release_id: str, share_percent: float) -> bool:
        """Serve a canary to more or fewer; whether it still is one."""
        query = (
            sa.update(releases)
            .where(releases.c.id == release_id, releases.c.state == "canary")
            .values(share_percent=share_percent)
            .returning(releases.c.id)
        )
        async with self._database.write() as connection:
            return (await connection.execute(query)).scalar_one_or_none() is not None

    async def promote(self, release_id: str, now: datetime, reason: str) -> bool:
        """Release a canary to everybody, in the place of what was released; whether it still was a canary."""
        async with self._database.write() as connection:
            await _hold_model_of(connection, release_id)
            canary = await _release(
                connection, sa.and_(releases.c.id == release_id, releases.c.state == "canary"), lock=True
            )
            if canary is None:
                return False
            before = await _release(connection, _is_of(canary.model, "released"), lock=True)
            if before is not None:
                await _change(connection, before.id, state="superseded", ended_at=now)
            await _change(
                connection,
                release_id,
                state="released",
                promoted_at=now,
                previous_id=None if before is None else before.id,
                reason=reason,
            )
            return True

    async def roll_back(self, release_id: str, now: datetime, reason: str) -> bool:
        """End a canary; whether it still was one."""
        async with self._database.write() as connection:
            canary = await _release(
                connection, sa.and_(releases.c.id == release_id, releases.c.state == "canary"), lock=True
            )
            if canary is None:
                return False
            await _change(connection, release_id, state="rolled_back", ended_at=now, reason=reason)
            return True

    async def undo(self, release_id: str, now: datetime, reason: str) -> bool:
        """Have what was released before a release in its place again; whether it was in force."""
        async with self._database.write() as connection:
            await _hold_model_of(connection, release_id)
            release = await _release(
                connection, sa.and_(releases.c.id == release_id, releases.c.state == "released"), lock=True
            )
            if release is None:
                return False
            await _change(connection, release_id, state="undone", ended_at=now, reason=reason)
            if release.previous_id is not None:
                await _change(connection, release.previous_id, state="released", ended_at=None)
            return True

    # What cannot be served

    async def set_unserved(
        self, process: str, unserved: Sequence[Unserved], now: datetime, stale: datetime
    ) -> None:
        """Keep what a process cannot serve, in the place of what it could not before; forget what is stale."""
        said = unserved_releases.c
        old = sa.delete(unserved_releases).where(sa.or_(said.process == process, said.seen_at < stale))
        async with self._database.write() as connection:
            await connection.execute(old)
            if unserved:
                rows = [asdict(each) | {"seen_at": now} for each in unserved]
                await connection.execute(sa.insert(unserved_releases).values(rows))

    async def unserved(self, since: datetime) -> list[Unserved]:
        """What processes have said since then that they cannot serve, of what is in force."""
        query = (
            sa.select(*(unserved_releases.c[name] for name in Unserved.__slots__))
            .join(releases, releases.c.id == unserved_releases.c.release_id)
            .where(unserved_releases.c.seen_at >= since, releases.c.state.in_(("canary", "released")))
            .order_by(unserved_releases.c.since, unserved_releases.c.process)
        )
        async with self._database.read() as connection:
            return [Unserved(**row) for row in (await connection.execute(query)).mappings()]

    # How a canary does

    async def add_tallies(self, release_id: str, minute: datetime, tallies: Mapping[Arm, Tally]) -> None:
        """Add what was seen in a minute to what is known of it."""
        rows = [
            {"release_id": release_id, "arm": arm, "minute": minute, **asdict(tally)}
            for arm, tally in tallies.items()
        ]
        statement = self._insert(release_tallies).values(rows)
        statement = statement.on_conflict_do_update(
            index_elements=["release_id", "arm", "minute"],
            set_={name: release_tallies.c[name] + statement.excluded[name] for name in _SUMS},
        )
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def tallies(self, release_id: str) -> dict[Arm, Tally]:
        """All that was seen of a canary's arms."""
        query = (
            sa.select(
                release_tallies.c.arm,
                *(sa.func.sum(release_tallies.c[name]).label(name) for name in _SUMS),
            )
            .where(release_tallies.c.release_id == release_id)
            .group_by(release_tallies.c.arm)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {row["arm"]: _to_tally(row) for row in rows}

    def _insert(self, table: sa.Table) -> Any:
        return (sqlite if self._database.dialect == "sqlite" else postgresql).insert(table)


def _is_of(model: str, state: ReleaseState) -> sa.ColumnElement[bool]:
    return sa.and_(releases.c.model == model, releases.c.state == state)


async def _hold_model_of(connection: AsyncConnection, release_id: str) -> None:
    """Have whoever else changes what is in force of a release's model wait for the end of this transaction.

    What follows sees what they have done: an undo puts a release in force that a promotion has to take the place of.
    """
    model = sa.select(releases.c.model).where(releases.c.id == release_id).scalar_subquery()
    first = sa.select(releases.c.id).where(releases.c.model == model).order_by(releases.c.id).limit(1)
    await connection.execute(first.with_for_update())


async def _release(
    connection: AsyncConnection, which: sa.ColumnElement[bool], *, lock: bool = False
) -> Release | None:
    query = sa.select(releases).where(which)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return None if row is None else _to_release(row)


async def _change(connection: AsyncConnection, release_id: str, **columns: object) -> None:
    await connection.execute(sa.update(releases).where(releases.c.id == release_id).values(**columns))


def _to_tally(row: sa.RowMapping) -> Tally:
    # PostgreSQL's sums of integers are decimals.
    values: dict[str, Any] = {
        name: float(row[name]) if name.startswith("first_log") else int(row[name]) for name in _SUMS
    }
    return Tally(**values)


def _to_artifact(row: sa.RowMapping) -> Artifact:
    values = dict[str, Any](row)
    values |= {"path": Path(row["path"]), "lineage": msgspec.convert(row["lineage"], Lineage)}
    return Artifact(**values)


def _to_report(row: sa.RowMapping) -> GateReport:
    values = dict[str, Any](row)
    values["checks"] = msgspec.convert(row["checks"], tuple[Check, ...])
    return GateReport(**values)


def _to_release(row: sa.RowMapping) -> Release:
    values = dict[str, Any](row)
    values["bounds"] = msgspec.convert(row["bounds"], Bounds)
    return Release(**values)
