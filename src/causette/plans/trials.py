"""Whose trial of a plan it is: a person's, in whichever of their workspaces, once.

Workspaces are made as often as one likes. So a trial is noted for everybody behind it: who pays, who owns the workspace
that does, who started it, and the customer that Stripe knows them as. One of them who had theirs before gets none.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.workspaces.store import owner_ids
from causette.plans import store
from causette.plans.billing import Subscription


async def people_behind(connection: AsyncConnection, payer_id: str, *others: str | None) -> set[str]:
    """Everybody whose trial it would be: the payer, a workspace's owners, and ``others`` that are known."""
    return {payer_id, *await owner_ids(connection, payer_id), *(other for other in others if other)}


async def note(connection: AsyncConnection, begun: Subscription, *, by: str | None = None) -> bool:
    """Note a trial that begins; False when somebody behind it has had theirs in another subscription."""
    people = await people_behind(connection, begun.payer_id, by)
    return await store.note_trial(connection, people, begun.plan_id, begun.id, at=begun.created_at)
