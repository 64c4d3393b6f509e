"""The stages of a request's way, in their order."""

from collections.abc import Callable
from enum import StrEnum


class Stage(StrEnum):
    """What has just been done for a request."""

    AUTHORISED = "authorised"
    SCREENED = "screened"
    RESERVED = "reserved"
    QUEUED = "queued"
    STARTED = "started"
    STREAMING = "streaming"
    MADE = "made"
    SETTLED = "settled"


#: Told of each stage as a request passes it.
Passed = Callable[[Stage], None]


def unnoticed(stage: Stage) -> None:
    """For who does not want to know."""
