"""People, their sessions and API keys, and the one ownership check."""

from causette.accounts.authentication import accounts_of, key_holder, signed_in
from causette.accounts.ownership import owned
from causette.accounts.service import Accounts
from causette.accounts.types import ApiKey, Caller, NewApiKey, Owned, Session, SignedIn, User

__all__ = [
    "Accounts",
    "ApiKey",
    "Caller",
    "NewApiKey",
    "Owned",
    "Session",
    "SignedIn",
    "User",
    "accounts_of",
    "key_holder",
    "owned",
    "signed_in",
]
