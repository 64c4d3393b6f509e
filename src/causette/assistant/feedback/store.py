"""The tables of feedback and consents, and every query on them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from causette.accounts.store import users
from causette.assistant.feedback.types import Consent, Count, Example, Feedback, Kind, Rating, Turn
from causette.assistant.tables import messages
from causette.db import Database, UtcDateTime, metadata
from causette.ids import earliest_id

training_consents = sa.Table(
    "training_consents",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("given", sa.Boolean(name="given"), nullable=False),
    sa.Column("answered_at", UtcDateTime, nullable=False),
    sa.Column("withdrawn_at", UtcDateTime),
    sa.Index(None, "owner_id", "id"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    sa.Column("other_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE")),
    # What there is one verdict on: a reply, or two of them in either order.
    sa.Column("subject", sa.Text, nullable=False, unique=True),
    sa.Column("rating", sa.Text),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("consent_id", sa.Text, sa.ForeignKey("training_consents.id", ondelete="SET NULL")),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("kind IN ('rating', 'comparison', 'correction')", name="kind"),
    sa.CheckConstraint(
        "(kind = 'rating') = (rating IN ('up', 'down') AND rating IS NOT NULL)", name="rating"
    ),
    sa.Index(None, "owner_id", "id"),
    sa.Index(None, "conversation_id", "id"),
    sa.Index(None, "message_id"),
    sa.Index(None, "other_id"),
    sa.Index(None, "consent_id"),
)

_CHANGING = ("kind", "message_id", "other_id", "rating", "reasons", "comment", "consent_id", "updated_at")
_COLUMNS = [feedback.c[name] for name in Feedback.__slots__]
_USABLE = sa.and_(training_consents.c.given, training_consents.c.withdrawn_at.is_(None))


class FeedbackStore:
    """Feedback and consents in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Consents

    async def consent(self, owner_id: str) -> Consent | None:
        """What a person answered last."""
        query = (
            sa.select(training_consents)
            .where(training_consents.c.owner_id == owner_id)
            .order_by(training_consents.c.id.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_consent(row)

    async def consents(self, owner_id: str) -> list[Consent]:
        """Everything that a person answered, in order."""
        query = sa.select(training_consents).where(training_consents.c.owner_id == owner_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(training_consents.c.id))).mappings()
            return [_to_consent(row) for row in rows]

    async def answer(self, consent: Consent) -> None:
        """Keep an answer. It ends the earlier ones; where it is a yes, all that its owner has said is under it."""
        row = {name: getattr(consent, name) for name in Consent.__slots__}
        earlier = (
            sa.update(training_consents)
            .where(
                training_consents.c.owner_id == consent.owner_id,
                training_consents.c.given,
                training_consents.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=consent.answered_at)
        )
        async with self._database.write() as connection:
            await connection.execute(earlier)
            await connection.execute(sa.insert(training_consents).values(**row))
            if consent.given:
                await connection.execute(
                    sa.update(feedback)
                    .where(feedback.c.owner_id == consent.owner_id)
                    .values(consent_id=consent.id)
                )

    # Feedback

    async def put(self, said: Feedback, subject: str) -> Feedback:
        """Keep what was said, in the place of what was said of the same ``subject`` before."""
        row = {name: getattr(said, name) for name in Feedback.__slots__}
        # A consent that is taken back in the same moment is not stood on.
        row["consent_id"] = (
            sa.select(training_consents.c.id)
            .where(training_consents.c.owner_id == said.owner_id, _USABLE)
            .order_by(training_consents.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        statement = dialect.insert(feedback).values(subject=subject, **row)
        query = statement.on_conflict_do_update(
            index_elements=[feedback.c.subject],
            set_={name: statement.excluded[name] for name in _CHANGING},
        ).returning(*_COLUMNS)
        async with self._database.write() as connection:
            return _to_feedback((await connection.execute(query)).mappings().one())

    async def find(self, feedback_id: str) -> Feedback | None:
        """What is called ``feedback_id``."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(*_COLUMNS).where(feedback.c.id == feedback_id))
            row = rows.mappings().one_or_none()
            return None if row is None else _to_feedback(row)

    async def delete(self, feedback_id: str) -> None:
        """Forget it."""
        async with self._database.write() as connection:
            await connection.execute(sa.delete(feedback).where(feedback.c.id == feedback_id))

    async def of_conversation(self, conversation_id: str) -> list[Feedback]:
        """All that was said of a conversation's replies."""
        return await self._many(feedback.c.conversation_id == conversation_id)

    async def of_owner(self, owner_id: str) -> list[Feedback]:
        """All that a person said."""
        return await self._many(feedback.c.owner_id == owner_id)

    async def _many(self, which: sa.ColumnElement[bool]) -> list[Feedback]:
        query = sa.select(*_COLUMNS).where(which).order_by(feedback.c.id)
        async with self._database.read() as connection:
            return [_to_feedback(row) for row in (await connection.execute(query)).mappings()]

    # For those who run the house

    async def counts(self) -> list[Count]:
        """How much there is, by the model that wrote the reply, the kind and the rating."""
        subject = messages.alias("subject")
        # Words of a person are judged by what they stand in the place of.
        judged = sa.case((feedback.c.kind == "correction", feedback.c.other_id), else_=feedback.c.message_id)
        query = (
            sa.select(
                subject.c.model,
                feedback.c.kind,
                feedback.c.rating,
                sa.func.count().label("count"),
                sa.func.count(sa.case((_USABLE, 1))).label("usable"),
            )
            .select_from(feedback)
            .join(subject, subject.c.id == judged)
            .outerjoin(training_consents, training_consents.c.id == feedback.c.consent_id)
            .group_by(subject.c.model, feedback.c.kind, feedback.c.rating)
            .order_by(subject.c.model, feedback.c.kind, feedback.c.rating)
        )
        async with self._database.read() as connection:
            return [Count(**row) for row in (await connection.execute(query)).mappings()]

    async def ratings(self, model: str, release_id: str, since: datetime) -> dict[tuple[bool, Rating], int]:
        """How many replies of a model of since then are rated so: of the release (True), and of all others (False)."""
        by_release = sa.func.coalesce(messages.c.release_id, "") == release_id
        query = (
            sa.select(by_release.label("by_release"), feedback.c.rating, sa.func.count().label("count"))
            .join(messages, messages.c.id == feedback.c.message_id)
            .where(
                # Who rates a reply of since then does so since then: the ids are a range of the table.
                feedback.c.id >= earliest_id("fb", since),
                feedback.c.kind == "rating",
                messages.c.model == model,
                messages.c.created_at >= since,
            )
            .group_by(by_release, feedback.c.rating)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            return {(bool(by_release), rating): count for by_release, rating, count in rows}

    async def examples(self, *, after: str, limit: int, kind: Kind | None = None) -> list[Example]:
        """What models may learn from, in the order in which it was first said, after the one called ``after``."""
        first, second = messages.alias("first"), messages.alias("second")
        query = (
            sa.select(
                *_COLUMNS,
                training_consents.c.version,
                training_consents.c.answered_at,
                first.c.parent_id,
                first.c.content.label("first_content"),
                first.c.model.label("first_model"),
                first.c.corrects_id.label("first_corrects"),
                second.c.content.label("second_content"),
                second.c.model.label("second_model"),
                second.c.corrects_id.label("second_corrects"),
                users.c.name.label("author"),
            )
            .join(users, users.c.id == feedback.c.owner_id)
            .join(training_consents, training_consents.c.id == feedback.c.consent_id)
            .join(first, first.c.id == feedback.c.message_id)
            .outerjoin(second, second.c.id == feedback.c.other_id)
            .where(_USABLE, feedback.c.id > after)
            .order_by(feedback.c.id)
            .limit(limit)
        )
        if kind is not None:
            query = query.where(feedback.c.kind == kind)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
            found: list[Example] = []
            for row in rows:
                branch = (await connection.execute(_branch_to(row["parent_id"]))).all()
                found.append(_to_example(row, tuple(Turn(each.role, each.content) for each in branch)))
            return found


def _branch_to(message_id: str | None) -> sa.Select[Any, Any]:
    """The messages from the root to this one."""
    step = (
        sa.select(
            messages.c.id,
            messages.c.parent_id,
            messages.c.role,
            messages.c.content,
            sa.literal(0).label("up"),
        )
        .where(messages.c.id == message_id)
        .cte("branch", recursive=True)
    )
    step = step.union_all(
        sa.select(
            messages.c.id, messages.c.parent_id, messages.c.role, messages.c.content, step.c.up + 1
        ).join(step, messages.c.id == step.c.parent_id)
    )
    return sa.select(step.c.role, step.c.content).order_by(step.c.up.desc())


def _to_example(row: sa.RowMapping, prompt: tuple[Turn, ...]) -> Example:
    # A correction carries the model of what it corrects, whose words they are not.
    first = row["first_content"], None if row["first_corrects"] else row["first_model"]
    second = row["second_content"], None if row["second_corrects"] else row["second_model"]
    if row["rating"] == "down":
        first, second = second, first
    return Example(
        id=row["id"],
        kind=row["kind"],
        prompt=prompt,
        chosen=first[0],
        rejected=second[0],
        chosen_model=first[1],
        rejected_model=second[1],
        reasons=row["reasons"],
        comment=row["comment"],
        consent_version=row["version"],
        consented_at=row["answered_at"],
        author=row["author"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _to_consent(row: sa.RowMapping) -> Consent:
    return Consent(**row)  # pyright: ignore[reportArgumentType] - the table names the fields


def _to_feedback(row: sa.RowMapping) -> Feedback:
    return Feedback(**row)  # pyright: ignore[reportArgumentType] - the columns are the fields
