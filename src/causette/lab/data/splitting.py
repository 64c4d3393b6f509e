"""Which records are held out: decided by a hash of what each begins with, and by nothing else.

So a record stays on its side when data is added or reordered, and records that are the same, or different
answers to the same prompt, are never on both sides.
"""

from hashlib import blake2b

from causette.errors import InvalidRequest
from causette.lab.data.identity import digest, opening_of
from causette.lab.types import Record


def is_held_out(record: Record, *, share: float, seed: int = 0) -> bool:
    """Whether a record is among the ``share`` (0 to below 1) that is not trained on.

    Raises:
        InvalidRequest: ``share`` is out of range.
    """
    if not 0 <= share < 1:
        raise InvalidRequest(f"{share} cannot be held out: use a share from 0 to below 1", param="held_out")
    key = digest(opening_of(record)) + seed.to_bytes(16, "little", signed=True)
    return int.from_bytes(blake2b(key, digest_size=8).digest()) < share * 2.0**64
