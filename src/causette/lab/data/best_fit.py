"""Best-fit decreasing bin packing, for any number of pieces in one go.

The longest piece goes first, into the fullest row that still takes it. Pieces of one length are placed together, so
the work grows with the number of lengths, not of pieces. Ding et al., "Fewer truncations improve language modeling"
(2024), pack so for pretraining.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def best_fit(lengths_N: Ints, space: int) -> tuple[Ints, int]:
    """Place pieces of 1 to ``space`` into rows of ``space``.

    Returns:
        The row of each piece, (N,), and how many rows there are. Of pieces of the same length the earlier ones get
        the earlier choice.
    """
    rows_N = np.empty(len(lengths_N), np.int64)
    by_length = np.argsort(-lengths_N, kind="stable")
    lengths, counts = np.unique(lengths_N, return_counts=True)
    #: Rows by the space that they have left, and as bits of a number which spaces there are rows with.
    left: dict[int, Ints] = {}
    spaces = 0
    opened = 0
    first = 0
    for length, count in zip(lengths[::-1].tolist(), counts[::-1].tolist(), strict=True):
        waiting = by_length[first : first + count]
        first += count
        while len(waiting):
            enough = spaces >> length
            room = length + (enough & -enough).bit_length() - 1 if enough else space
            # As few rows as will do: what is left of a row is best filled by more of the same.
            needed = -(-len(waiting) // (room // length))
            rows: Ints
            if enough:
                spaces ^= 1 << room
                rows = left.pop(room)
                needed = min(needed, len(rows))
            else:
                rows = np.arange(opened, opened + needed, dtype=np.int64)
                opened += needed
            for kept, rest in ((rows[needed:], room), (rows[:needed], room - length)):
                if len(kept) and rest:
                    left[rest] = np.concatenate((left[rest], kept)) if rest in left else kept
                    spaces |= 1 << rest
            rows_N[waiting[:needed]] = rows[:needed]
            waiting = waiting[needed:]
    return rows_N, opened
