"""What was used, by whom and when: sums for pages and for the command line, and single requests to look at."""

from causette.ledger.usage.service import UsageReports
from causette.ledger.usage.types import (
    Balance,
    Bucket,
    Group,
    MachineRow,
    RecentRequest,
    RequestAccount,
    RequestPage,
    RequestPosting,
    Scope,
    UsageRow,
)

__all__ = [
    "Balance",
    "Bucket",
    "Group",
    "MachineRow",
    "RecentRequest",
    "RequestAccount",
    "RequestPage",
    "RequestPosting",
    "Scope",
    "UsageReports",
    "UsageRow",
]
