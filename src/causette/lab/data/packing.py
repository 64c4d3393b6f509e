"""Batches for training out of prepared data: pieces of documents packed into rows, shuffled anew in each epoch.

What is packed are steps from a token to the next one: of a document with n tokens n - 1, each with an input and a
target. So every learned token of an epoch is a target exactly once, and no place is lost on a document's last token.
A document that is longer than a row is cut into pieces (pretraining) or left out (fine-tuning, where half a
conversation teaches to answer what was not asked); pieces are packed by best fit, as it cuts fewest documents and
leaves little room: see ``causette.lab.data.best_fit``. Rows are shuffled after packing.

The order depends on the data, the configuration and the epoch, not on the version of anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from causette.errors import InvalidRequest
from causette.lab.data.best_fit import Ints, best_fit
from causette.lab.data.prepared import Prepared
from causette.lab.data.words import Hashes, mix

#: The target of what is not learned: what PyTorch's ``cross_entropy`` leaves out.
IGNORED: Final = -100
#: The document of places that are left over at the end of a row.
NO_DOCUMENT: Final = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of T places.

    A rank's last batches of an epoch can have rows, even all of them, with nothing to learn: divide a loss by the
    number of targets of all ranks together.
    """

    ids_BT: Ints
    #: The token to be predicted at each place, or `IGNORED`.
    targets_BT: Ints
    #: From 0 at the beginning of each piece.
    positions_BT: Ints
    #: Which places belong together, numbered in each row, or `NO_DOCUMENT`: for block-diagonal attention.
    documents_BT: Ints


class Packed:
    """Packed batches of one rank, epoch after epoch.

    One core makes 40 to 60 million places a second in batches of 16,384, and puts an epoch of a million documents in
    order in 0.3 s. It keeps about 25 bytes for each piece.

    Args:
        prepared: documents or conversations.
        length: places in a row (T).
        batch: rows in a batch (B).
        seed: decides, with the epoch, about the order.
        rank, world: which of how many equal shares; in a step all ranks have rows that no other has.
        longer: what happens to documents that do not fit a row: ``cut`` them or ``skip`` them.

    Raises:
        InvalidRequest: the data has several parts a record, or nothing in it fits.
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        length: int,
        batch: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        longer: Literal["cut", "skip"] = "cut",
    ) -> None:
        assert length > 0 and batch > 0 and 0 <= rank < world
        if prepared.manifest.parts != 1:
            kinds = ", ".join(prepared.manifest.kinds)
            raise InvalidRequest(
                f"Records of kind {kinds} cannot be packed: their answers are compared, not joined"
            )
        self._prepared = prepared
        self._length = length
        self._batch = batch
        self._seed = seed
        self._rank = rank
        self._world = world
        self._longer = longer
        self._starts_N, self._lengths_N, self.skipped = self._pieces()
        if not len(self._starts_N):
            raise InvalidRequest(
                f"All {self.skipped} documents are longer than {length} tokens; allow longer rows, or cut documents",
                param="length",
            )
        self._epoch = 0
        self._done = 0
        self._rows = self._arranged()

    @property
    def epoch(self) -> int:
        """The epoch that the next batch is from."""
        return self._epoch

    @property
    def batches(self) -> int:
        """How many batches the epoch has, the same for all ranks."""
        return -(-self._rows.count // (self._batch * self._world))

    @property
    def filled(self) -> float:
        """The share (0 to 1) of the epoch's places, without those of empty rows, that have a token."""
        return int(self._lengths_N.sum()) / (self._rows.count * self._length)

    def __iter__(self) -> Iterator[Batch]:
        """The rest of the epoch; after it, iterating again gives the next one."""
        last = False
        while not last:
            batch = self._batch_at(self._done)
            # Before it is given out: whoever looks at the state while it has a batch goes on with the next one.
            self._done += 1
            if last := self._done == self.batches:
                self._epoch, self._done = self._epoch + 1, 0
                self._rows = self._arranged()
            yield batch

    def state(self) -> dict[str, int | str]:
        """Where it is, for `restore`; the same for all ranks after the same number of batches."""
        return {"epoch": self._epoch, "done": self._done, **self._settings()}

    def restore(self, state: Mapping[str, int | str]) -> None:
        """Go on after the batch that was the last one when ``state`` was taken.

        Raises:
            InvalidRequest: it was taken with other data or another configuration, so the rest would be another.
        """
        for name, value in self._settings().items():
            if state.get(name) != value:
                raise InvalidRequest(
                    f"The checkpoint was made with {name} {state.get(name)!r}, and this is {value!r}: "
                    "go on with what it was begun with, or begin anew",
                    param=name,
                )
        self._epoch, self._done = int(state["epoch"]), int(state["done"])
        self._rows = self._arranged()

    def _settings(self) -> dict[str, int | str]:
        return {
            "data": self._prepared.fingerprint,
            "length": self._length,
            "batch": self._batch,
            "seed": self._seed,
            "world": self._world,
            "longer": self._longer,
        }

    def _pieces(self) -> tuple[Ints, Ints, int]:
        """Where each piece begins among the tokens, how many places it takes, and how many documents are skipped."""
        offsets = self._prepared.offsets_P.astype(np.int64)
        starts, places = offsets[:-1], np.diff(offsets) - 1
        if self._longer == "skip":
            fits = places <= self._length
            return starts[fits], places[fits], int(np.count_nonzero(~fits))
        pieces = -(-places // self._length)
        before: Ints = _ranges(np.zeros(len(pieces), np.int64), pieces) * self._length
        lengths = np.minimum(np.repeat(places, pieces) - before, self._length)
        return np.repeat(starts, pieces) + before, lengths, 0

    def _arranged(self) -> "_Rows":
        key = mix(mix(np.array([self._seed % 2**64], np.uint64)) + np.uint64(self._epoch))
        shuffled = _shuffled(len(self._starts_N), key)
        rows, count = best_fit(self._lengths_N[shuffled], self._length)
        place = np.empty(count, np.int64)
        place[_shuffled(count, mix(key))] = np.arange(count)
        rows = place[rows]
        order = np.argsort(rows, kind="stable")
        return _Rows(count, shuffled[order], np.searchsorted(rows[order], np.arange(count + 1)))

    def _batch_at(self, number: int) -> Batch:
        step = self._batch * self._world
        # Dealt out one by one, so that at the end of an epoch no rank has two rows more than another.
        rows = np.arange(number * step + self._rank, min((number + 1) * step, self._rows.count), self._world)
        firsts, ends = self._rows.firsts[rows], self._rows.firsts[rows + 1]
        counts = ends - firsts
        pieces = self._rows.pieces[_ranges(firsts, counts)]
        starts, lengths = self._starts_N[pieces], self._lengths_N[pieces]

        # Each place that has a token: where it is in the batch, in its piece, and among the tokens.
        row_of_piece = np.repeat(np.arange(len(rows)), counts)
        filled = np.bincount(row_of_piece, lengths, len(rows)).astype(np.int64)
        places = _ranges(np.arange(len(rows)) * self._length, filled)
        positions = _ranges(np.zeros(len(lengths), np.int64), lengths)
        tokens = np.repeat(starts, lengths) + positions

        shape = (self._batch, self._length)
        batch = Batch(
            ids_BT=np.zeros(shape, np.int64),
            targets_BT=np.full(shape, IGNORED, np.int64),
            positions_BT=np.zeros(shape, np.int64),
            documents_BT=np.full(shape, NO_DOCUMENT, np.int64),
        )
        target_ids = self._prepared.tokens_N[tokens + 1].astype(np.int64)
        batch.ids_BT.ravel()[places] = self._prepared.tokens_N[tokens]
        batch.targets_BT.ravel()[places] = np.where(
            self._prepared.learned_at(tokens + 1), target_ids, IGNORED
        )
        batch.positions_BT.ravel()[places] = positions
        batch.documents_BT.ravel()[places] = np.repeat(
            _ranges(np.zeros(len(rows), np.int64), counts), lengths
        )
        return batch


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of an epoch: those of row r are ``pieces[firsts[r]:firsts[r + 1]]``."""

    count: int
    pieces: Ints
    firsts: Ints


def _shuffled(count: int, key: Hashes) -> Ints:
    """The numbers below ``count`` in an order that ``key`` decides; numpy's own orders may change with its version."""
    return np.argsort(mix(mix(np.arange(count, dtype=np.uint64)) ^ key))


def _ranges(firsts: Ints, counts: Ints) -> Ints:
    """The ranges of ``counts`` numbers from each of ``firsts`` on, one after the other."""
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + np.repeat(firsts - before, counts)
