"""From files to prepared data in one pass: all of it, none of it twice, and the same each time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from causette.errors import Conflict, InvalidRequest
from causette.lab.data import (
    HELD_OUT,
    TRAIN,
    BadData,
    DataConfig,
    Prepared,
    Source,
    is_held_out,
    read,
    read_report,
    run,
)
from causette.lab.data.identity import texts_of
from causette.lab.types import Encoded, Record


@dataclass
class Heard:
    """What a stage told."""

    done: list[tuple[int, int | None, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def progress(self, done: int, total: int | None, what: str) -> None:
        self.done.append((done, total, what))

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        raise AssertionError("preparing data has no steps")

    def note(self, text: str) -> None:
        self.notes.append(text)


def by_byte(record: Record) -> list[Encoded]:
    ids = list("\0".join(texts_of(record)).encode())
    return [Encoded(ids, [True] * len(ids))]


def jsonl(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


NUMBERS = [{"prompt": f"What is {at} squared?", "completion": f"It is {at * at}."} for at in range(300)]


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    exam = jsonl(tmp_path / "exam.jsonl", {"text": "What is 7 squared?"})
    return DataConfig(
        sources=(
            Source(path=jsonl(tmp_path / "numbers.jsonl", *NUMBERS), licence="CC0-1.0"),
            Source(path=jsonl(tmp_path / "again.jsonl", *NUMBERS[100:110]), licence="MIT"),
        ),
        folder=tmp_path / "data",
        encode=by_byte,
        vocabulary=256,
        tokenizer_sha256="bytes",
        evaluations={"exam": exam, "retake": ["What is 8 squared?"]},
        held_out=0.2,
    )


def contents(prepared: Prepared) -> list[str]:
    return [bytes(prepared[at][0].ids_N.tolist()).decode() for at in range(len(prepared))]


def test_every_record_is_trained_on_held_out_or_removed_for_a_reason(config: DataConfig) -> None:
    artifact = run(config, Heard())

    train, held_out = (Prepared.open(artifact.path / side) for side in (TRAIN, HELD_OUT))
    expected = {True: list[str](), False: list[str]()}
    for row in read([config.sources[0].path]):
        if row.place.line not in {8, 9}:
            expected[is_held_out(row.record, share=0.2)].append("\0".join(texts_of(row.record)))
    assert (contents(train), contents(held_out)) == (expected[False], expected[True])
    assert artifact.metrics == {
        "records": len(train),
        "tokens": len(train.tokens_N),
        "learned_tokens": len(train.tokens_N) - len(train),
        "held_out_records": len(held_out),
        "dropped": 12,
    }
    assert train.manifest.dropped == {"contaminated": 2, "duplicate": 10}
    assert [(Path(one.file).name, one.licence) for one in train.manifest.sources] == [
        ("numbers.jsonl", "CC0-1.0"),
        ("again.jsonl", "MIT"),
    ]
    removed = (artifact.path / "removed.txt").read_text().splitlines()
    assert len(removed) == 12
    assert removed[0].endswith("numbers.jsonl:8: contaminated: exam: “what is 7 squared”")
    assert removed[1].endswith("numbers.jsonl:9: contaminated: retake: “what is 8 squared”")
    assert removed[2].endswith(f"again.jsonl:1: duplicate: {config.sources[0].path}:101")


def test_what_became_of_the_data_is_told_and_kept(config: DataConfig) -> None:
    heard = Heard()
    artifact = run(config, heard)

    report = read_report(artifact.path)
    assert report.train.records + report.held_out.records == report.cleaning.kept == 298
    assert heard.done[-1] == (310, 310, "records")
    assert heard.notes == [report.table()]
    for line in ("2 dropped: contaminated", "10 dropped: duplicate", "languages   en", "records to train on"):
        assert line in heard.notes[0]


def test_the_same_files_make_the_same_folder(config: DataConfig, tmp_path: Path) -> None:
    folders = [run(replace(config, folder=tmp_path / name), Heard()).path for name in ("one", "other")]

    trees = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in folders
    ]
    assert trees[0] == trees[1]


def test_data_with_problems_is_refused_whole_or_read_without_them(config: DataConfig, tmp_path: Path) -> None:
    bad = jsonl(tmp_path / "bad.jsonl", {"prompt": "Hi"}, {"prompt": "Bye", "completion": "Goodbye"})
    config = replace(config, sources=(*config.sources, Source(path=bad, licence="MIT")))
    with pytest.raises(BadData, match=r"bad\.jsonl:1: completion is missing"):
        run(config, Heard())
    assert not list(tmp_path.glob("*data*"))

    heard = Heard()
    artifact = run(replace(config, bad_rows="skip"), heard)

    assert Prepared.open(artifact.path / TRAIN).manifest.dropped["cannot be read"] == 1
    assert "1 dropped: cannot be read" in heard.notes[0]
    assert "bad.jsonl:1: completion is missing" in heard.notes[0]


def test_nothing_held_out_leaves_no_folder_for_it(config: DataConfig) -> None:
    artifact = run(replace(config, held_out=0.0), Heard())

    assert len(Prepared.open(artifact.path / TRAIN)) == 298
    assert not (artifact.path / HELD_OUT).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": ()}, "no source to prepare"),
        ({"held_out": 1.0}, "from 0 to below 1"),
        ({"near_duplicates": 2.0}, "up to 1"),
        ({"vocabulary": 10}, r"numbers\.jsonl:1: The encoder gave the token \d+, and the vocabulary has 10"),
        ({"evaluations": {"exam": Path("nowhere.jsonl")}}, "no file nowhere"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(
    config: DataConfig, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        run(replace(config, **change), Heard())

    assert not list(tmp_path.glob("*data*"))


def test_records_with_nothing_to_learn_are_counted_on_both_sides(config: DataConfig) -> None:
    def nothing(record: Record) -> list[Encoded]:
        (part,) = by_byte(record)
        last = int(texts_of(record)[0].split()[2]) % 10
        return [Encoded(part.ids, [last != 0] * len(part.ids))]

    artifact = run(replace(config, encode=nothing, held_out=0.5), Heard())

    assert read_report(artifact.path).dropped == {"contaminated": 2, "duplicate": 10, "nothing to learn": 30}
    assert artifact.metrics["records"] + artifact.metrics["held_out_records"] == 268


def test_data_that_is_all_held_out_is_refused(config: DataConfig, tmp_path: Path) -> None:
    for at in range(20):
        one = jsonl(tmp_path / "one.jsonl", {"text": f"Text {at}."})
        (row,) = read([one])
        if is_held_out(row.record, share=0.5):
            break

    with pytest.raises(InvalidRequest, match=r"All 1 records are held out; use a share below 0\.5"):
        run(replace(config, sources=(Source(path=one, licence="MIT"),), held_out=0.5), Heard())


def test_a_folder_that_is_there_is_kept(config: DataConfig) -> None:
    config.folder.mkdir()

    with pytest.raises(Conflict, match="is there already"):
        run(config, Heard())
