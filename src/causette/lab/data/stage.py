"""The lab's first stage: files in, prepared data to train on and to hold out, and a report of what became of it.

Reading, validation, cleaning, splitting and preparing go in one pass. The same files and configuration give the same
folder, byte for byte.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from causette.errors import InvalidRequest
from causette.lab.data.cleaning import Cleaner, CleaningReport, Removed
from causette.lab.data.decontamination import EvaluationTexts
from causette.lab.data.identity import texts_of
from causette.lab.data.manifest import SourceFile
from causette.lab.data.preparing import Encode, PreparedWriter
from causette.lab.data.problems import Problems
from causette.lab.data.reading import BadRows, Row, files_of, read
from causette.lab.data.splitting import is_held_out
from causette.lab.data.statistics import Statistics, Tally
from causette.lab.disk import whole_folder
from causette.lab.types import Artifact, Events
from causette.models.disk import sha256_of

TRAIN: Final = "train"
HELD_OUT: Final = "held_out"
REPORT: Final = "report.json"
#: A line for each record that cleaning removed.
REMOVED: Final = "removed.txt"
UNREADABLE: Final = "cannot be read"
_TOLD_EVERY: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, or a folder of files, and on what terms its data may be used (an SPDX name, or words)."""

    path: Path
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What to prepare, from what, and how."""

    sources: tuple[Source, ...]
    #: Where the data goes; it must not exist yet. Inside are ``train`` and, if anything is held out, ``held_out``,
    #: each for `Prepared.open`.
    folder: Path
    encode: Encode
    #: How many token ids the encoder's tokenizer has.
    vocabulary: int
    tokenizer_sha256: str
    bad_rows: BadRows = "refuse"
    #: The similarity from which on documents and conversations are near duplicates; None keeps those.
    near_duplicates: float | None = 0.8
    #: For each evaluation's name its texts, or the file or folder that has them in any form that is read.
    evaluations: Mapping[str, Path | Sequence[str]] = field(default_factory=dict[str, Path | Sequence[str]])
    #: The share of prompts (0 to below 1) that is not trained on.
    held_out: float = 0.02
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """What became of the data."""

    #: How many records there are no more, by why.
    dropped: dict[str, int]
    #: What was wrong with the first of the rows that could not be read.
    problems: tuple[str, ...]
    cleaning: CleaningReport
    train: Statistics
    held_out: Statistics

    def table(self) -> str:
        """The report for people to read."""
        lines = [f"{self.train.records:,} records to train on, {self.held_out.records:,} held out"]
        lines += [f"{count:,} dropped: {why}" for why, count in self.dropped.items()]
        lines += [f"  {problem}" for problem in self.problems]
        lines += [f"{place} was there {count:,} times" for place, count in self.cleaning.repeated]
        if self.cleaning.contradictions:
            lines += ["the data contradicts itself:", *(f"  {one}" for one in self.cleaning.contradictions)]
        return "\n".join([*lines, "", self.train.table()])


def read_report(folder: Path) -> DataReport:
    """The report that `run` left in its folder."""
    return msgspec.json.decode((folder / REPORT).read_bytes(), type=DataReport)


def run(config: DataConfig, events: Events) -> Artifact:
    """Prepare data for training.

    Returns:
        The dataset's folder, with ``records``, ``tokens``, ``learned_tokens``, ``held_out_records`` and ``dropped``.

    Raises:
        BadData: rows cannot be read, and they are not to be skipped.
        InvalidRequest: a source is not there or has nothing to train on, or a value is out of range.
        Conflict: the folder exists.
        DiskFull: there is no room for it.

    Whatever it raises, no folder is left.
    """
    files = {file: source.licence for source in config.sources for file in files_of([source.path])}
    if not files:
        raise InvalidRequest("There is no source to prepare; name a file or a folder", param="sources")
    evaluations = EvaluationTexts({name: _texts(given) for name, given in config.evaluations.items()})
    problems = Problems()
    rows = read(files, bad_rows=config.bad_rows, problems=problems)
    with whole_folder(config.folder) as folder, ExitStack() as stack:
        sources = source_files(files, events)
        removed_file = stack.enter_context((folder / REMOVED).open("w", encoding="utf-8"))

        def on_removed(removed: Removed) -> None:
            removed_file.write(f"{removed}\n")

        cleaner = Cleaner(
            near_duplicates=config.near_duplicates, evaluations=evaluations, on_removed=on_removed
        )
        train, held_out = (_Side(folder / side, config, stack) for side in (TRAIN, HELD_OUT))
        for row in cleaner.clean(_counted(rows, events)):
            held = is_held_out(row.record, share=config.held_out, seed=config.seed)
            (held_out if held else train).add(row, config.encode)
        if held_out.writer.records and not train.writer.records:
            raise InvalidRequest(
                f"All {held_out.writer.records} records are held out; use a share below {config.held_out}",
                param="held_out",
            )
        cleaning = cleaner.report()
        before = Counter(cleaning.removed) + Counter({UNREADABLE: problems.rows})
        manifest = train.writer.finish(sources, before)
        if held_out.writer.records:
            held_out.writer.finish(sources, before)
        else:
            shutil.rmtree(folder / HELD_OUT)
        dropped = before + train.writer.dropped + held_out.writer.dropped
        report = DataReport(
            dropped=dict(sorted(dropped.items())),
            problems=tuple(map(str, problems.told)),
            cleaning=cleaning,
            train=train.tally.statistics(),
            held_out=held_out.tally.statistics(),
        )
        (folder / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    events.note(report.table())
    metrics = {
        "records": manifest.records,
        "tokens": manifest.tokens,
        "learned_tokens": manifest.learned_tokens,
        "held_out_records": report.held_out.records,
        "dropped": dropped.total(),
    }
    return Artifact(kind="dataset", path=config.folder, metrics=metrics)


def source_files(files: Mapping[Path, str], events: Events) -> list[SourceFile]:
    """What identifies files, whose licences are given: all of each is read."""
    sizes = {file: file.stat().st_size for file in files}
    done, total = 0, sum(sizes.values())

    def on_bytes(amount: int) -> None:
        nonlocal done
        done += amount
        events.progress(done, total, "bytes hashed")

    return [
        SourceFile(file=str(file), sha256=sha256_of(file, on_bytes), bytes=sizes[file], licence=licence)
        for file, licence in files.items()
    ]


class _Side:
    """The records that are trained on, or those that are held out."""

    def __init__(self, folder: Path, config: DataConfig, stack: ExitStack) -> None:
        folder.mkdir()
        self.tally = Tally()
        self.writer = stack.enter_context(
            PreparedWriter(
                folder,
                vocabulary=config.vocabulary,
                tokenizer_sha256=config.tokenizer_sha256,
                seed=config.seed,
            )
        )

    def add(self, row: Row, encode: Encode) -> None:
        try:
            parts = encode(row.record)
            if self.writer.add(row.record, parts):
                self.tally.add(row.record, parts)
        except InvalidRequest as error:
            raise InvalidRequest(
                f"{row.place}: {error.message}", code=error.code, param=error.param
            ) from None


def _texts(given: Path | Sequence[str]) -> Iterable[str]:
    if not isinstance(given, Path):
        return given
    return (text for row in read([given]) for text in texts_of(row.record))


def _counted(rows: Iterator[Row], events: Events) -> Iterator[Row]:
    done = 0
    for done, row in enumerate(rows, 1):
        if done % _TOLD_EVERY == 0:
            events.progress(done, None, "records")
        yield row
    events.progress(done, done, "records")
