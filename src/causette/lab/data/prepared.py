"""Prepared data: encoded records as arrays that are mapped into memory, and what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from causette.errors import InvalidRequest
from causette.lab.data.manifest import DataFile, Manifest, read_manifest
from causette.lab.data.preparing import LABELS, LEARNED, PARTS, TOKENS
from causette.models.disk import sha256_of


@dataclass(frozen=True, slots=True)
class Part:
    """The tokens of one part of a record: ``ids_N``, and ``learned_N`` where one is learned."""

    ids_N: npt.NDArray[np.int64]
    learned_N: npt.NDArray[np.bool_]


class Prepared:
    """Encoded records on disk. It takes no memory but what the system keeps of the files that are read."""

    def __init__(
        self,
        manifest: Manifest,
        fingerprint: str,
        *,
        tokens_N: npt.NDArray[np.unsignedinteger],
        learned_bits: npt.NDArray[np.uint8],
        offsets_P: npt.NDArray[np.uint64],
        labels_R: npt.NDArray[np.uint8] | None,
    ) -> None:
        self.manifest = manifest
        #: The same for the same data, prepared by the same tokenizer: for checkpoints.
        self.fingerprint = fingerprint
        #: The ids of all parts of all records, one after the other.
        self.tokens_N = tokens_N
        #: Where each part begins in it, and at last where the last one ends: parts of one record are neighbours.
        self.offsets_P = offsets_P
        self._learned_bits = learned_bits
        self._labels_R = labels_R

    @classmethod
    def open(cls, folder: Path, *, verify: bool = True) -> Self:
        """Open what `prepare` has written.

        Args:
            folder: the one that was given to `prepare`.
            verify: read all of it and compare the hashes, which takes about a second for a gigabyte; without it
                only the sizes are compared.

        Raises:
            NotFound: there is no prepared data.
            InvalidRequest: a file is not as it was written, or the format is not known.
        """
        manifest, fingerprint = read_manifest(folder)
        for file in manifest.files:
            _check(folder / file.file, file, verify)
        parts = manifest.records * manifest.parts
        prepared = cls(
            manifest,
            fingerprint,
            tokens_N=_mapped(folder / TOKENS, np.dtype(manifest.token_type), manifest.tokens),
            learned_bits=_mapped(folder / LEARNED, np.dtype(np.uint8), (manifest.tokens + 7) // 8),
            offsets_P=_mapped(folder / PARTS, np.dtype(np.uint64), parts + 1),
            labels_R=(
                _mapped(folder / LABELS, np.dtype(np.uint8), manifest.records)
                if "labelled" in manifest.kinds
                else None
            ),
        )
        if prepared.offsets_P[-1] != manifest.tokens:
            raise _damaged(folder / PARTS, f"it ends at token {prepared.offsets_P[-1]} of {manifest.tokens}")
        return prepared

    def __len__(self) -> int:
        return self.manifest.records

    def __getitem__(self, record: int) -> tuple[Part, ...]:
        """The parts of a record, in the order in which the encoder gave them."""
        if not 0 <= record < len(self):
            raise IndexError(record)
        first = record * self.manifest.parts
        offsets: Sequence[int] = self.offsets_P[first : first + self.manifest.parts + 1].tolist()
        return tuple(
            Part(self.tokens_N[start:end].astype(np.int64), self.learned_at(np.arange(start, end)))
            for start, end in pairwise(offsets)
        )

    def label(self, record: int) -> bool:
        """Whether the answer of a labelled record was found good."""
        assert self._labels_R is not None, "only labelled records have labels"
        return bool(self._labels_R[record])

    def learned_at(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the tokens at these places of ``tokens_N`` are learned."""
        return (self._learned_bits[tokens >> 3] >> (tokens & 7).astype(np.uint8) & 1).astype(bool)


def _mapped(path: Path, kind: np.dtype[np.generic], count: int) -> np.memmap:
    if path.stat().st_size != kind.itemsize * count:
        raise _damaged(path, f"it has {path.stat().st_size} bytes, not {kind.itemsize * count}")
    return np.memmap(path, kind.newbyteorder("<"), "r", shape=(count,))


def _check(path: Path, file: DataFile, verify: bool) -> None:
    if not path.is_file():
        raise _damaged(path, "it is not there")
    if path.stat().st_size != file.bytes:
        raise _damaged(path, f"it has {path.stat().st_size} bytes, not {file.bytes}")
    if verify and sha256_of(path) != file.sha256:
        raise _damaged(path, "it is not what was written")


def _damaged(path: Path, how: str) -> InvalidRequest:
    return InvalidRequest(f"{path} is damaged: {how}. Prepare the data again", code="damaged")
