"""Turns that begin by themselves, once a night, by whichever process comes first.

A night is a row, which is made in one transaction with the turn that it begins: however many processes look, and
wherever one of them is killed, a night has one outcome and at most one turn. A night at whose time nobody was there is
made up for within hours; after that it is left out, so that nothing trains in the middle of the day.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.lab.flywheel.curation import Curation
from causette.lab.flywheel.store import FlywheelStore
from causette.lab.flywheel.types import Night, Outlook, Settings, Turn
from causette.releases.types import Bounds
from causette.settings import NightlyTurns

#: Who has begun a turn that nobody has.
NIGHTLY: Final = "the nightly setting"
_DAY: Final = timedelta(days=1)
#: For how long a night is made up for.
LATE: Final = timedelta(hours=6)


class Nights:
    """The nights of the flywheel whose turns are kept in ``database``.

    Args:
        curation: the examples.
        plan: when a turn begins, and what it is to do; None: never.
        owner: somebody who runs the house, on whose behalf runs are carried out; None where nobody does yet.
    """

    def __init__(
        self,
        database: Database,
        curation: Curation,
        plan: NightlyTurns | None,
        *,
        owner: Callable[[], Awaitable[Caller | None]],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = FlywheelStore(database)
        self._curation = curation
        self._plan = plan
        self._owner = owner
        self._now = now
        #: The newest night that is known to have an outcome.
        self._known: datetime | None = None

    async def look(self) -> None:
        """Begin tonight's turn, if it is time and nobody has.

        Raises:
            LabNotInstalled: this installation makes no examples.
        """
        if self._plan is None:
            return
        now = self._now()
        due = _last(self._plan, now)
        if due == self._known or now - due > LATE:
            return
        if await self._store.night(due) is None:
            await self._decide(self._plan, due, now)
        self._known = due

    async def outlook(self) -> Outlook | None:
        """What is to happen by itself, and how it went last; None where nothing is."""
        if self._plan is None:
            return None
        now = self._now()
        due, last = _last(self._plan, now), await self._store.last_night()
        waits = now - due <= LATE and (last is None or last.due_at < due)
        return Outlook(
            plan=self._plan,
            next_at=due if waits else due + _DAY,
            fresh=await self._store.fresh(),
            last=last,
        )

    async def _decide(self, plan: NightlyTurns, due: datetime, now: datetime) -> None:
        owner = await self._owner()
        await self._curation.collect()
        fresh = await self._store.fresh()
        turn = None
        if owner is not None and fresh >= plan.least:
            settings = Settings(
                least=plan.least,
                unseen=True,
                share_percent=plan.share_percent,
                bounds=Bounds(promotes=plan.promotes),
            )
            turn = Turn.begun(settings, by_id=owner.user.id, by=NIGHTLY, now=now)
        await self._store.add_night(
            Night(
                due_at=due,
                looked_at=now,
                outcome="begun" if turn is not None else "nobody" if owner is None else "too_few",
                fresh=fresh,
                turn_id=None if turn is None else turn.id,
            ),
            turn,
        )


def _last(plan: NightlyTurns, now: datetime) -> datetime:
    """When it was time last."""
    today = datetime.combine(now.date(), plan.at, UTC)
    return today if today <= now else today - _DAY
