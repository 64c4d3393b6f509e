"""Time as Causette keeps it: aware, in UTC."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant as an aware ``datetime`` in UTC."""
    return datetime.now(UTC)
