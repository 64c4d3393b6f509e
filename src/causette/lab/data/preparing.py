"""Writes encoded records as arrays on disk, once, for any number of trainings to map into memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from causette.errors import InvalidRequest
from causette.lab.data.manifest import DataFile, Manifest, SourceFile
from causette.lab.disk import whole_folder
from causette.lab.types import Conversation, Encoded, Labelled, Preference, Record, Text

#: Turns a record into its encoded parts: a document or a conversation into one, a preference into three (prompt,
#: chosen, rejected), a label into two (prompt, completion).
Encode = Callable[[Record], Sequence[Encoded]]

TOKENS: Final = "tokens.bin"
LEARNED: Final = "learned.bin"
PARTS: Final = "parts.bin"
LABELS: Final = "labels.bin"
NOTHING_LEARNED: Final = "nothing to learn"
_UINT16: Final = 1 << 16
_BUFFER: Final = 1 << 20
_PARTS_OF: Final[Mapping[type[Record], int]] = {Text: 1, Conversation: 1, Preference: 3, Labelled: 2}


def prepare(
    records: Iterable[Record],
    encode: Encode,
    folder: Path,
    *,
    vocabulary: int,
    tokenizer_sha256: str,
    sources: Sequence[SourceFile] = (),
    seed: int = 0,
    dropped: Mapping[str, int] | None = None,
) -> Manifest:
    """Encode records and write them to ``folder``, which is there whole or not at all.

    Args:
        records: of one kind, or documents and conversations mixed.
        encode: see `Encode`; every id is below ``vocabulary``.
        folder: must not exist yet.
        vocabulary: how many token ids there are; up to 65,536 a token takes two bytes, and beyond four.
        tokenizer_sha256: says which tokenizer ``encode`` uses, so that no model is trained on another's tokens.
        sources: what the records were read from.
        seed: what decided about them, if anything random did.
        dropped: how many went before, by why; read when all records were.

    Raises:
        InvalidRequest: there is no record, a kind does not go with the others, an id is out of range.
        Conflict: the folder exists, or another process writes it.
        DiskFull: nothing is left behind.
    """
    with (
        whole_folder(folder) as partial,
        PreparedWriter(
            partial, vocabulary=vocabulary, tokenizer_sha256=tokenizer_sha256, seed=seed
        ) as writer,
    ):
        for record in records:
            writer.add(record, encode(record))
        return writer.finish(sources, dropped or {})


class PreparedWriter:
    """Writes prepared data into an empty folder, record by record; `finish` makes it valid."""

    def __init__(self, folder: Path, *, vocabulary: int, tokenizer_sha256: str, seed: int) -> None:
        self._folder = folder
        self._vocabulary = vocabulary
        self._tokenizer_sha256 = tokenizer_sha256
        self._seed = seed
        self._token_type = np.dtype("<u2" if vocabulary <= _UINT16 else "<u4")
        self._tokens = _Output(folder / TOKENS)
        self._learned = _Bits(_Output(folder / LEARNED))
        self._offsets = _Output(folder / PARTS)
        self._offsets.write(np.zeros(1, "<u8"))
        self._labels = _Output(folder / LABELS)
        self._kinds = Counter[str]()
        self._dropped = Counter[str]()
        self._parts = 0
        self._token_count = 0
        self._learned_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # On a full disk closing fails as well, and the others are to be closed nevertheless.
        with ExitStack() as closing:
            for output in (self._tokens, self._learned.output, self._offsets, self._labels):
                closing.callback(output.close)

    @property
    def records(self) -> int:
        """How many were written."""
        return self._kinds.total()

    @property
    def dropped(self) -> Counter[str]:
        """How many were given and not written, by why."""
        return Counter(self._dropped)

    def add(self, record: Record, parts: Sequence[Encoded]) -> bool:
        """Write a record; False if it was dropped, because an answer of it has nothing to learn."""
        kind = type(record).__name__.lower()
        assert len(parts) == _PARTS_OF[type(record)], f"a {kind} has {_PARTS_OF[type(record)]} parts"
        if self._parts not in {0, len(parts)}:
            raise InvalidRequest(
                f"A {kind} cannot be prepared with {', '.join(self._kinds)} records: give each kind a folder"
            )
        ids = [self._checked(part) for part in parts]
        learned = [np.array(part.learned, bool) for part in parts]
        for part_ids, part_learned in zip(ids, learned, strict=True):
            assert len(part_ids) == len(part_learned), "each token is learned or not"
        # Nothing comes before a record's first token, so nothing can predict it.
        predicted = np.concatenate(learned)[1:]
        answers = learned[1:] if len(parts) > 1 else [predicted]
        if not all(answer.any() for answer in answers):
            self._dropped[NOTHING_LEARNED] += 1
            return False
        self._parts = len(parts)
        self._kinds[kind] += 1
        self._learned_count += int(np.count_nonzero(predicted))
        ends: list[int] = []
        for part_ids, part_learned in zip(ids, learned, strict=True):
            self._tokens.write(part_ids)
            self._learned.write(part_learned)
            self._token_count += len(part_ids)
            ends.append(self._token_count)
        self._offsets.write(np.array(ends, "<u8"))
        if isinstance(record, Labelled):
            self._labels.write(np.array([record.label], np.uint8))
        return True

    def finish(self, sources: Sequence[SourceFile], dropped: Mapping[str, int]) -> Manifest:
        """Write the manifest, with what was dropped before added to what was dropped here.

        Raises:
            InvalidRequest: there is no record.
        """
        dropped = dict(sorted((self._dropped + Counter(dropped)).items()))
        if not self.records:
            why = ", ".join(f"{count} {why}" for why, count in dropped.items()) or "none was given"
            raise InvalidRequest(f"There is no record to prepare: {why}", code="no_records")
        files = [self._tokens.close(), self._learned.close(), self._offsets.close(), self._labels.close()]
        if not files[-1].bytes:
            (self._folder / LABELS).unlink()
            files.pop()
        manifest = Manifest(
            kinds=dict(sorted(self._kinds.items())),
            records=self.records,
            parts=self._parts,
            tokens=self._token_count,
            learned_tokens=self._learned_count,
            token_type="uint16" if self._token_type.itemsize == 2 else "uint32",
            vocabulary=self._vocabulary,
            tokenizer_sha256=self._tokenizer_sha256,
            seed=self._seed,
            dropped=dropped,
            sources=tuple(sources),
            files=tuple(files),
        )
        manifest.write(self._folder)
        return manifest

    def _checked(self, part: Encoded) -> npt.NDArray[np.unsignedinteger]:
        ids = np.array(part.ids, np.int64)
        if len(ids) and (ids.min() < 0 or ids.max() >= self._vocabulary):
            wrong = ids.max() if ids.min() >= 0 else ids.min()
            raise InvalidRequest(
                f"The encoder gave the token {wrong}, and the vocabulary has {self._vocabulary}: "
                "give the tokenizer's own size",
                param="vocabulary",
            )
        return ids.astype(self._token_type)


class _Output:
    """A file that is hashed as it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb", _BUFFER)
        self._digest = sha256()
        self._size = 0

    def write(self, numbers: npt.NDArray[np.generic]) -> None:
        data = numbers.tobytes()
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def close(self) -> DataFile:
        self._file.close()
        return DataFile(file=self._path.name, sha256=self._digest.hexdigest(), bytes=self._size)


class _Bits:
    """Bits, eight to a byte, the first the lowest."""

    def __init__(self, output: _Output) -> None:
        self.output = output
        self._waiting: list[npt.NDArray[np.bool_]] = []
        self._count = 0

    def write(self, bits: npt.NDArray[np.bool_]) -> None:
        self._waiting.append(bits)
        self._count += len(bits)
        if self._count >= _BUFFER:
            whole = np.concatenate(self._waiting)
            full = len(whole) // 8 * 8
            self.output.write(np.packbits(whole[:full], bitorder="little"))
            self._waiting, self._count = [whole[full:]], len(whole) - full

    def close(self) -> DataFile:
        if self._waiting:
            self.output.write(np.packbits(np.concatenate(self._waiting), bitorder="little"))
        return self.output.close()
