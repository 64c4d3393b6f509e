"""The screen that is always there: a policy of phrases and shapes, offline, in microseconds.

It knows words, not meanings: it catches what is plainly said and what is plainly disguised. A classifier in front of
or after it is another :class:`~causette.safety.types.Screen`.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from causette.safety.live_policy import LivePolicy
from causette.safety.policy import Policy
from causette.safety.types import CLEAN, Surface, Verdict

#: The category of a text that is too long to be looked at.
TOO_LONG: Final = "too_long"
# More is looked at in a thread, so that other requests go on meanwhile.
_LONG: Final = 20_000


class PolicyScreen:
    """Judges text by a policy."""

    def __init__(self, policy: LivePolicy) -> None:
        self._policy = policy

    async def screen(self, parts: Sequence[str], *, surface: Surface) -> Verdict:
        """See :class:`~causette.safety.types.Screen`."""
        policy, length = self._policy.current, sum(map(len, parts))
        if length > policy.max_chars:
            return Verdict("refuse", (TOO_LONG,))
        if length > _LONG:
            return await asyncio.to_thread(_verdict, policy, parts, surface)
        return _verdict(policy, parts, surface)


def _verdict(policy: Policy, parts: Sequence[str], surface: Surface) -> Verdict:
    found: set[str] = set()
    for part in parts:
        found |= policy.categories_of(part)
    if not found:
        return CLEAN
    for action in ("refuse", "flag"):
        strictest = tuple(
            name
            for name, category in policy.categories.items()
            if name in found and category.action == action and surface in category.surfaces
        )
        if strictest:
            return Verdict(action, strictest)
    return CLEAN
