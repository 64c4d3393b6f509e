"""How fast one address may read what is shared: strangers cost the house no more than this."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from causette.errors import TooManyRequests

#: A person who opens every link of a long list stays below it; a program that collects them does not.
READS_A_MINUTE: Final = 60
#: Pictures, of which one page may have many.
PICTURES_A_MINUTE: Final = 600
_MINUTE: Final = 60.0
# An address that is forgotten may begin anew, which only those can bring about who have very many.
_MOST_ADDRESSES: Final = 10_000


class Pace:
    """A bucket of ``a_minute`` reads for each address, refilled evenly, in each process."""

    def __init__(self, a_minute: int = READS_A_MINUTE, *, now: Callable[[], float] = monotonic) -> None:
        self._one = _MINUTE / a_minute
        self._now = now
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def count(self, address: str) -> None:
        """Count one read from ``address``.

        Raises:
            TooManyRequests: there were too many; ``retry_after`` says when there is room for another one.
        """
        now, address = self._now(), _counted(address)
        full_at = max(self._full_at.pop(address, now), now) + self._one
        if full_at - now > _MINUTE:
            self._full_at[address] = full_at - self._one
            raise TooManyRequests(
                "Too many shared conversations were opened from this network. Wait a little.",
                retry_after=float(math.ceil(full_at - now - _MINUTE)),
            )
        self._full_at[address] = full_at
        if len(self._full_at) > _MOST_ADDRESSES:
            self._full_at.popitem(last=False)


def _counted(address: str) -> str:
    """Of an IPv6 address the first 64 bits, since whoever has one has all of that network."""
    with suppress(ValueError):
        known = ipaddress.ip_address(address)
        if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
            return str(ipaddress.ip_network((known.packed, 64), strict=False))
    return address
