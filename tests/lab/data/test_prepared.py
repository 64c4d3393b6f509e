"""Prepared data is there whole or not at all, comes back as it was encoded, and says what it is."""

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causette.errors import Conflict, InvalidRequest, NotFound
from causette.lab.data import Prepared, SourceFile, prepare
from causette.lab.data.manifest import read_manifest
from causette.lab.types import Encoded, Labelled, Message, Preference, Record, Text
from tests.lab.data.encoded import as_text, documents, spelled_out, write

SOURCE = SourceFile(file="a.jsonl", sha256="00", bytes=7, licence="CC0-1.0")
TOKENS = st.lists(st.tuples(st.integers(0, 65_535), st.booleans()), min_size=1, max_size=30)


@given(tokens=st.lists(TOKENS, min_size=1, max_size=20), wide=st.booleans())
@settings(deadline=None, max_examples=50)
def test_what_was_encoded_comes_back(tokens: list[list[tuple[int, bool]]], wide: bool) -> None:
    # Nothing predicts a document's first token.
    tokens = [document for document in tokens if any(learned for _, learned in document[1:])]
    tokens.append([(0, False), (1, True)])
    with tempfile.TemporaryDirectory() as folder:
        manifest = write(Path(folder) / "set", tokens, vocabulary=65_537 if wide else 65_536)
        found = Prepared.open(Path(folder) / "set")
        back = [
            list(zip(part.ids_N.tolist(), part.learned_N.tolist(), strict=True))
            for (part,) in map(found.__getitem__, range(len(found)))
        ]

    assert back == tokens
    assert (manifest.records, manifest.tokens) == (len(tokens), sum(map(len, tokens)))
    assert manifest.learned_tokens == sum(learned for document in tokens for _, learned in document[1:])
    assert manifest.token_type == ("uint32" if wide else "uint16")
    assert manifest.files[0].bytes == manifest.tokens * (4 if wide else 2)


def test_the_parts_of_preferences_and_labels_are_kept_apart(tmp_path: Path) -> None:
    hi = (Message("user", "Hi"),)

    def encode(record: Record) -> list[Encoded]:
        answers = [[7], [8, 9]] if isinstance(record, Preference) else [[7]]
        return [Encoded([1, 2], [False, False]), *(Encoded(ids, [True] * len(ids)) for ids in answers)]

    sets: dict[str, list[Record]] = {
        "preference": [Preference(prompt=hi, chosen="7", rejected="8 9")] * 2,
        "labelled": [Labelled(prompt=hi, completion="7", label=label) for label in (True, False)],
    }
    for kind, records in sets.items():
        prepare(records, encode, tmp_path / kind, vocabulary=10, tokenizer_sha256="")

    pairs = Prepared.open(tmp_path / "preference")
    assert [[part.ids_N.tolist() for part in pairs[at]] for at in (0, 1)] == [[[1, 2], [7], [8, 9]]] * 2
    assert [part.learned_N.tolist() for part in pairs[1]] == [[False, False], [True], [True, True]]
    labels = Prepared.open(tmp_path / "labelled")
    assert [part.ids_N.tolist() for part in labels[1]] == [[1, 2], [7]]
    assert (labels.label(0), labels.label(1)) == (True, False)
    with pytest.raises(IndexError):
        labels[2]


def test_the_manifest_says_what_it_was_made_from_and_what_went(tmp_path: Path) -> None:
    records = [as_text([(1, True), (2, True)]), as_text([(3, True)]), as_text([(4, False), (5, False)])]
    made = prepare(
        records,
        spelled_out,
        tmp_path / "set",
        vocabulary=10,
        tokenizer_sha256="ab",
        sources=[SOURCE],
        seed=7,
        dropped={"duplicate": 3},
    )

    manifest, fingerprint = read_manifest(tmp_path / "set")
    assert manifest == made
    assert (manifest.kinds, manifest.tokens, manifest.seed) == ({"text": 1}, 2, 7)
    assert (manifest.tokenizer_sha256, manifest.sources) == ("ab", (SOURCE,))
    assert manifest.dropped == {"duplicate": 3, "nothing to learn": 2}
    assert Prepared.open(tmp_path / "set").fingerprint == fingerprint
    for file in manifest.files:
        content = (tmp_path / "set" / file.file).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.sha256, file.bytes)


def test_the_same_records_make_the_same_bytes(tmp_path: Path) -> None:
    tokens = documents(range(2, 60))
    for name in ("one", "other"):
        write(tmp_path / name, tokens)

    contents = [
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "other")
    ]
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"tokens.bin", "learned.bin", "parts.bin", "manifest.json"}


def test_many_tokens_are_written_through_their_buffers(tmp_path: Path) -> None:
    lengths = [900_001, 700_003, 1_300_001, 5]

    def encode(record: Record) -> list[Encoded]:
        assert isinstance(record, Text)
        length = int(record.text)
        return [Encoded([at % 251 for at in range(length)], [at % 3 == 0 for at in range(length)])]

    folder = tmp_path / "set"
    prepare(
        (Text(text=str(length)) for length in lengths), encode, folder, vocabulary=251, tokenizer_sha256=""
    )

    found = Prepared.open(folder)
    for at, length in enumerate(lengths):
        (part,) = found[at]
        assert part.ids_N.tolist() == [place % 251 for place in range(length)]
        assert part.learned_N.tolist() == [place % 3 == 0 for place in range(length)]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "There is no record to prepare: none was given"),
        ([as_text([(1, True)])] * 2, "There is no record to prepare: 2 nothing to learn"),
        ([as_text([(1, True), (10, True)])], "gave the token 10, and the vocabulary has 10"),
        ([as_text([(1, True), (-1, True)])], "gave the token -1"),
        (
            [
                as_text([(1, True), (2, True)]),
                Labelled(prompt=(Message("user", "1-"),), completion="2+", label=True),
            ],
            "A labelled cannot be prepared with text records",
        ),
    ],
)
def test_records_that_cannot_be_prepared_leave_nothing(
    tmp_path: Path, records: list[Record], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        prepare(records, spelled_out, tmp_path / "set", vocabulary=10, tokenizer_sha256="")

    assert list(tmp_path.iterdir()) == []


def test_an_error_while_records_are_read_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Record]:
        yield as_text([(1, True), (2, True)])
        raise InvalidRequest("Line 2 is broken")

    with pytest.raises(InvalidRequest, match="Line 2"):
        prepare(broken(), spelled_out, tmp_path / "set", vocabulary=10, tokenizer_sha256="")

    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    write(tmp_path / "set", documents([5, 5]))
    before = read_manifest(tmp_path / "set")

    with pytest.raises(Conflict, match="is there already"):
        write(tmp_path / "set", documents([6, 6]))

    assert read_manifest(tmp_path / "set") == before


@pytest.mark.parametrize("name", ["tokens.bin", "learned.bin", "parts.bin"])
def test_damage_is_noticed(tmp_path: Path, name: str) -> None:
    write(tmp_path / "set", documents([50, 50]))
    path = tmp_path / "set" / name
    whole = path.read_bytes()

    path.write_bytes(whole[:3] + bytes([whole[3] ^ 1]) + whole[4:])
    with pytest.raises(InvalidRequest, match=f"{name} is damaged: it is not what was written"):
        Prepared.open(tmp_path / "set")
    path.write_bytes(whole[:-1])
    with pytest.raises(
        InvalidRequest, match=f"{name} is damaged: it has {len(whole) - 1} bytes, not {len(whole)}"
    ):
        Prepared.open(tmp_path / "set", verify=False)
    path.unlink()
    with pytest.raises(InvalidRequest, match=f"{name} is damaged: it is not there"):
        Prepared.open(tmp_path / "set")


def test_another_format_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no prepared data"):
        Prepared.open(tmp_path / "set")
    write(tmp_path / "set", documents([5]))
    path = tmp_path / "set" / "manifest.json"
    whole = path.read_text()
    path.write_text(whole.replace('"version": 1', '"version": 2'))
    with pytest.raises(InvalidRequest, match=r"version 2, and causette\.prepared version 1 is read"):
        Prepared.open(tmp_path / "set")
    path.write_text(whole[:-20])
    with pytest.raises(InvalidRequest, match=r"manifest.json is damaged"):
        Prepared.open(tmp_path / "set")


ENDLESS = """
import sys
from itertools import count
from pathlib import Path
from tests.lab.data.encoded import as_text, spelled_out
from causette.lab.data import prepare

def records():
    for at in count():
        if at == 2000:
            print("writing", flush=True)
        yield as_text([(at % 100 + place, True) for place in range(200)])

prepare(records(), spelled_out, Path(sys.argv[1]), vocabulary=1000, tokenizer_sha256="")
"""


def test_a_killed_process_leaves_no_folder_and_the_next_one_starts_clean(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        try:
            with pytest.raises(Conflict, match="Another process is writing"):
                write(folder, documents([5, 5]))
        finally:
            process.send_signal(signal.SIGKILL)
    assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".set.partial"]
    (tmp_path / ".set.partial" / "half").mkdir()
    (tmp_path / ".set.partial" / "half" / "done.bin").write_bytes(b"by an older version")

    made = write(folder, documents([5, 5]))

    assert read_manifest(folder)[0] == made
    assert not (folder / "half").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def calls_until_written(folder: Path) -> int:
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        write(folder, documents([5, 5]))
    finally:
        sys.setprofile(None)
    return calls


def killed_after(calls: int, folder: Path) -> bool:
    """Write in a process that kills itself at its next call after so many; whether it lived to do so."""
    child = os.fork()
    if child == 0:

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls -= 1
            if calls < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(count)
            write(folder, documents([5, 5]))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_at_whatever_call_it_is_killed_there_is_all_or_nothing(tmp_path: Path) -> None:
    write(tmp_path / "whole", documents([5, 5]))  # The first time more is called: modules are imported.
    last = calls_until_written(tmp_path / "set")
    shutil.rmtree(tmp_path / "set")
    outcomes: list[bool] = []
    for calls in {*range(0, last, last // 25), *range(last - 20, last + 1)}:
        folder = tmp_path / "set"
        assert killed_after(calls, folder) or calls >= last - 20
        outcomes.append(folder.exists())
        if folder.exists():
            assert len(Prepared.open(folder)) == 2
        else:
            write(folder, documents([5, 5]))
        shutil.rmtree(folder)
        assert [path.name for path in tmp_path.iterdir()] == ["whole"]

    assert set(outcomes) == {True, False}


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    # The system answers a process that may write no more than this much as it answers one whose disk is full.
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path / "set")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000)),
    ) as process:
        _, errors = process.communicate(timeout=60)

    last = errors.decode().strip().splitlines()[-1]
    assert last.startswith(
        f"causette.models.types.DiskFull: {tmp_path / 'set'} was not written: there is no room"
    )
    assert list(tmp_path.iterdir()) == []
