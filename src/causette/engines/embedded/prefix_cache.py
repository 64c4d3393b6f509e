"""How many of a prompt's tokens were already in the KV cache.

The runtime reuses blocks of a prefix it has seen but does not say how many. Its rule is simple and deterministic
(OpenVINO GenAI, ``block_manager.hpp``): full blocks by the hash of everything up to their end, then at most one
partial block; least recently used blocks are overwritten when memory runs out. This keeps the same books, in the same
order, and so knows the answer. It is exact until the cache has filled up once; from then on it follows the same
least-recently-used rule, and can differ by blocks that were in use when the runtime chose one.
"""

from collections import OrderedDict
from collections.abc import Sequence

# Tokens a block, on CPUs.
BLOCK_SIZE = 32
# Where sequences ended inside a block is remembered for longer than the runtime can remember it.
_ENDS_A_BLOCK = 4


class PrefixCacheBooks:
    """Which prefixes the runtime holds, as hashes; ``capacity`` is in blocks."""

    def __init__(self, capacity: int, block_size: int = BLOCK_SIZE) -> None:
        self._capacity = capacity
        self._block_size = block_size
        self._blocks: OrderedDict[int, None] = OrderedDict()
        self._ends: OrderedDict[int, None] = OrderedDict()

    def reused(self, prompt: Sequence[int]) -> int:
        """Tokens of ``prompt`` that need no computing; at least its last one always does."""
        size, key, found = self._block_size, 0, 0
        while found < len(prompt):
            end = min(found + size, len(prompt))
            if (longer := hash((key, *prompt[found:end]))) in self._blocks:
                self._blocks.move_to_end(longer)
                key, found = longer, end
                continue
            for partial in range(found + 1, end):
                if hash((key, *prompt[found:partial])) in self._blocks:
                    found = partial
                    break
            break
        return min(found, len(prompt) - 1)

    def hold(self, tokens: Sequence[int], *, partial: bool = True) -> None:
        """Note that the cache now has the keys and values of ``tokens``; with ``partial`` also a last block in part."""
        size, key = self._block_size, 0
        for start in range(0, len(tokens), size):
            key = hash((key, *tokens[start : start + size]))
            whole = start + size <= len(tokens)
            if not whole:
                self._ends[key] = None
                self._ends.move_to_end(key)
            if whole or partial:
                self._blocks[key] = None
                self._blocks.move_to_end(key)
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)
        while len(self._ends) > self._capacity * _ENDS_A_BLOCK:
            self._ends.popitem(last=False)

    def mixes_up(self, one: Sequence[int], other: Sequence[int]) -> bool:
        """Whether the runtime may mix up two prompts that it begins to read in the same step.

        Where both begin with a sequence that ended inside a block, it gives them that one block, and each writes what
        follows over what the other wrote (seen in 2026.4.1; a step later it is safe, as the block is then the first
        one's). Where they differ only after that block, or not at all, they write the same.
        """
        size = self._block_size
        common = next(
            (place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right),
            min(len(one), len(other)),
        )
        if common == max(len(one), len(other)):
            return False
        key, start = 0, common // size * size
        for block in range(0, start, size):
            key = hash((key, *one[block : block + size]))
        return any(hash((key, *one[start:end])) in self._ends for end in range(start + 1, common + 1))
