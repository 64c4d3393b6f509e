"""People, their sessions and API keys, and the one ownership check.

What reads requests is in `causette.accounts.authentication` and `causette.accounts.routes`, so that commands
need no web framework.
"""

from causette.accounts.ownership import owned
from causette.accounts.service import Accounts
from causette.accounts.types import ApiKey, Caller, KeyLimits, NewApiKey, Owned, Session, SignedIn, User

__all__ = [
    "Accounts",
    "ApiKey",
    "Caller",
    "KeyLimits",
    "NewApiKey",
    "Owned",
    "Session",
    "SignedIn",
    "User",
    "owned",
]
