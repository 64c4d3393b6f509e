"""Passages by their meaning: a vector for each of their windows, compared one by one with the question's.

What is searched is a project, an assistant's knowledge or a conversation's attachments: hundreds of passages, seldom
tens of thousands. Comparing with all of them is exact, takes milliseconds (``bench/assistant.py --part retrieval``),
works alike on every database, and needs no extension that a server may not have.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

# Encoders that run beside a chat read 256 tokens or 512. So much text is some 100 to 200 of them, in either language.
_WINDOW: Final = 400
_TINY: Final = 1e-12

Vectors = NDArray[np.float32]


def windows_of(text: str, headings: str, *, room: int = _WINDOW) -> list[str]:
    """A passage in pieces short enough for any encoder, each under the headings that it stands under."""
    windows: list[str] = []
    at = 0
    while at < len(text):
        end = min(len(text), at + room)
        if end < len(text):
            half = at + room // 2
            found = max(
                text.rfind("\n", half, end), text.rfind(" ", half, end) if "\n" not in text[half:end] else -1
            )
            end = found if found > 0 else end
        piece = text[at:end].strip()
        if piece:
            windows.append(f"{headings}\n{piece}" if headings else piece)
        at = end
    return windows or [headings or " "]


def mean_of(vectors: Sequence[Vectors] | Vectors) -> Vectors:
    """What windows mean together: the mean of their vectors, of length 1."""
    mean = np.asarray(vectors, np.float32).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), _TINY)


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    counts: bytes
    vectors: bytes


class PassageVectors:
    """The vectors of N passages: W windows in order, and how many of them are each passage's, one at least."""

    def __init__(self, windows_WD: Vectors, counts_N: NDArray[np.uint16]) -> None:
        self._windows_WD = windows_WD
        self._counts_N = counts_N
        self._first_N = np.cumsum(counts_N, dtype=np.intp) - counts_N
        # Of the sum of each passage's windows: what its cosine is divided by.
        self._lengths_N = np.maximum(
            np.linalg.norm(np.add.reduceat(windows_WD, self._first_N), axis=1), _TINY
        )

    @classmethod
    def of(cls, passages: Sequence[Vectors]) -> Self:
        """Of passages, each the vectors of its windows."""
        return cls(np.concatenate(passages), np.array([len(windows) for windows in passages], np.uint16))

    def packed(self) -> bytes:
        """For the database: half precision moves a cosine by less than a thousandth."""
        half = self._windows_WD.astype(np.float16)
        return msgspec.msgpack.encode(_Packed(self._counts_N.tobytes(), half.tobytes()))

    @classmethod
    def unpacked(cls, batches: Iterable[bytes], dimensions: int) -> Self:
        """From the database, the batches of a document in order; there is one at least."""
        packed = [msgspec.msgpack.decode(batch, type=_Packed) for batch in batches]
        windows = np.frombuffer(b"".join(batch.vectors for batch in packed), np.float16)
        counts = np.frombuffer(b"".join(batch.counts for batch in packed), np.uint16)
        return cls(windows.reshape(-1, dimensions).astype(np.float32), counts)

    def __len__(self) -> int:
        return len(self._counts_N)

    @property
    def dimensions(self) -> int:
        """How long a vector is."""
        return self._windows_WD.shape[1]

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self._windows_WD.nbytes + self._counts_N.nbytes + self._first_N.nbytes + self._lengths_N.nbytes

    def likeness(self, vector: Vectors) -> tuple[Vectors, Vectors]:
        """The cosines of ``vector``, of length 1, with each passage as a whole and with the window nearest to it."""
        cosines_W = self._windows_WD @ vector
        wholes_N = np.add.reduceat(cosines_W, self._first_N) / self._lengths_N
        return wholes_N, np.maximum.reduceat(cosines_W, self._first_N)
