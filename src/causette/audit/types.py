"""Plain data of the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: ``begun`` stays where the process died before it knew how the act ended.
AuditOutcome = Literal["begun", "done", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act: who did what to whom, by the names of its moment. ``refusal`` is the code of what prevented it."""

    id: str
    at: datetime
    actor_id: str
    actor: str
    act: str
    target_id: str
    target: str
    details: Mapping[str, object]
    outcome: AuditOutcome
    refusal: str | None = None
