"""What keys can be good for. The one table; routes name a row of it with `causette.accounts.authentication.needs`."""

from collections.abc import Iterable
from typing import Final, Literal

from causette.errors import InvalidRequest

Scope = Literal["all", "inference", "embeddings", "models", "fine_tuning"]

#: Every scope, and what a key with it opens.
SCOPES: Final[dict[Scope, str]] = {
    "all": "everything that keys can do, what is added later included",
    "inference": "chat completions, completions and responses",
    "embeddings": "embeddings",
    "models": "the list of models",
    "fine_tuning": "fine-tuning jobs and their files",
}


def checked_scopes(asked: Iterable[str]) -> frozenset[str]:
    """``asked``, if each of them is a scope and there is one.

    Raises:
        InvalidRequest: there is none, or one is unknown (``invalid_scope``).
    """
    scopes = frozenset(asked)
    unknown = sorted(scopes - set(SCOPES))
    if unknown or not scopes:
        wrong = f"There is no scope {unknown[0][:64]!r}." if unknown else "A key needs a scope."
        raise InvalidRequest(
            f"{wrong} Choose from {', '.join(SCOPES)}.", code="invalid_scope", param="scopes"
        )
    return scopes


def opens(scopes: frozenset[str], needed: Scope) -> bool:
    """Whether a key with ``scopes`` may do what needs ``needed``."""
    return needed in scopes or "all" in scopes
