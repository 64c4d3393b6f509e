"""Which replica a conversation belongs to, so that its turns find their beginning in that replica's prefix cache.

Rendezvous hashing (Thaler and Ravishankar, 1998): each replica draws a number from the conversation's beginning and its
own name, and the highest wins. When a replica comes or goes, only the conversations that it wins or had won move.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

from causette.engines.types import ChatMessage, GenerateRequest

# Of a raw prompt, this much is its beginning.
_BEGINNING: Final = 1024


class Weighted(Protocol):
    """Something with a name, which takes a share in proportion to its slots."""

    @property
    def id(self) -> str:
        """Its name, which stays the same."""
        ...

    @property
    def slots(self) -> int:
        """Its share."""
        ...


_Replica = TypeVar("_Replica", bound=Weighted)


def affinity_key(request: GenerateRequest) -> bytes:
    """What all turns of a conversation have in common: all up to its first question, or a prompt's beginning."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(request.prompt, str):
        digest.update(request.prompt[:_BEGINNING].encode("utf-8", "surrogatepass"))
        return digest.digest()
    for turn in _opening(request.prompt):
        digest.update(turn.role.encode())
        digest.update(b"\0")
        digest.update(turn.content.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.digest()


def in_order(key: bytes, replicas: Iterable[_Replica]) -> list[_Replica]:
    """The replicas in the order in which the conversation ``key`` prefers them."""
    return sorted(replicas, key=lambda replica: _draw(key, replica), reverse=True)


def _opening(turns: Sequence[ChatMessage]) -> Iterable[ChatMessage]:
    for turn in turns:
        yield turn
        if turn.role == "user":
            return


def _draw(key: bytes, replica: Weighted) -> float:
    drawn = hashlib.blake2b(key + replica.id.encode(), digest_size=8).digest()
    uniform = (int.from_bytes(drawn) + 1) / (2**64 + 2)
    # The weighted form: the highest is this replica's with a probability in proportion to its slots.
    return -replica.slots / math.log(uniform)
