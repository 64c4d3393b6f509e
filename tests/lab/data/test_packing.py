"""Every learned token of an epoch is a target once, with what comes before it in its row, and a run can be resumed."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causette.errors import InvalidRequest
from causette.lab.data import IGNORED, NO_DOCUMENT, Batch, Packed, Prepared, prepare
from causette.lab.data.best_fit import best_fit
from causette.lab.types import Labelled, Message
from tests.lab.data.encoded import Tokens, documents, prepared, spelled_out

LENGTHS = st.lists(st.integers(2, 40), min_size=1, max_size=40)


def opened(lengths: list[int]) -> tuple[list[Tokens], Prepared]:
    """Documents, and the same prepared: files that are mapped stay readable after their folder is gone."""
    tokens = documents(lengths)
    # What has nothing to learn is not prepared.
    tokens = [[*document[:-1], (document[-1][0], True)] for document in tokens]
    with tempfile.TemporaryDirectory() as folder:
        return tokens, prepared(Path(folder) / "set", tokens)


def pieces_of(batches: list[Batch]) -> list[tuple[list[int], list[int], list[int]]]:
    """The inputs, targets and positions of all places that belong to one document in one row."""
    pieces: list[tuple[list[int], list[int], list[int]]] = []
    for batch in batches:
        for row in range(len(batch.ids_BT)):
            documents = batch.documents_BT[row]
            for document in range(documents.max() + 1):
                (places,) = np.nonzero(documents == document)
                assert np.array_equal(places, np.arange(places[0], places[0] + len(places)))
                columns = (batch.ids_BT, batch.targets_BT, batch.positions_BT)
                pieces.append(tuple(column[row, places].tolist() for column in columns))  # type: ignore[arg-type]
    return pieces


def flat(batches: list[Batch]) -> list[Any]:
    return [
        [
            batch.ids_BT.tolist(),
            batch.targets_BT.tolist(),
            batch.positions_BT.tolist(),
            batch.documents_BT.tolist(),
        ]
        for batch in batches
    ]


@given(
    lengths=LENGTHS,
    length=st.integers(1, 50),
    batch=st.integers(1, 3),
    world=st.integers(1, 3),
    seed=st.integers(-5, 2**64),
)
@settings(deadline=None, max_examples=60)
def test_every_learned_token_of_an_epoch_is_a_target_once(
    lengths: list[int], length: int, batch: int, world: int, seed: int
) -> None:
    tokens, data = opened(lengths)
    ranks = [
        Packed(data, length=length, batch=batch, seed=seed, rank=rank, world=world) for rank in range(world)
    ]
    for _ in range(2):
        shares = [list(rank) for rank in ranks]

        assert len({len(share) for share in shares}) == 1
        batches = [one for share in shares for one in share]
        assert {one.ids_BT.shape for one in batches} == {(batch, length)}
        targets = np.concatenate([one.targets_BT.ravel() for one in batches])
        learned = [token for document in tokens for token, is_learned in document[1:] if is_learned]
        assert sorted(targets[targets != IGNORED].tolist()) == learned
    assert {rank.epoch for rank in ranks} == {2}


@given(lengths=LENGTHS, length=st.integers(1, 50), longer=st.sampled_from(["cut", "skip"]))
@settings(deadline=None, max_examples=60)
def test_a_piece_is_a_stretch_of_one_document(lengths: list[int], length: int, longer: Any) -> None:
    tokens, data = opened([2, *lengths])
    document_of = {token: document for document in tokens for token, _ in document}

    batches = list(Packed(data, length=length, batch=2, seed=1, longer=longer))

    for inputs, targets, positions in pieces_of(batches):
        document = document_of[inputs[0]]
        start = inputs[0] - document[0][0]
        assert inputs == [token for token, _ in document[start : start + len(inputs)]]
        after = document[start + 1 : start + 1 + len(inputs)]
        assert targets == [token if learned else IGNORED for token, learned in after]
        assert positions == list(range(len(inputs)))
        assert start % length == 0
        assert len(inputs) == min(length, len(document) - 1 - start)
    outside = [one.documents_BT == NO_DOCUMENT for one in batches]
    assert all(
        (one.targets_BT[places] == IGNORED).all() for one, places in zip(batches, outside, strict=True)
    )


def test_documents_that_do_not_fit_are_skipped_and_counted() -> None:
    tokens, data = opened([11, 12, 30, 5])

    packed = Packed(data, length=10, batch=1, seed=0, longer="skip")

    assert packed.skipped == 2
    seen = {token for inputs, _, _ in pieces_of(list(packed)) for token in inputs}
    assert seen == {token for document in (tokens[0], tokens[3]) for token, _ in document[:-1]}
    with pytest.raises(InvalidRequest, match="All 4 documents are longer than 3 tokens"):
        Packed(data, length=3, batch=1, seed=0, longer="skip")


@given(lengths=LENGTHS, position=st.integers(0, 60), world=st.integers(1, 2))
@settings(deadline=None, max_examples=40)
def test_a_run_that_is_resumed_has_just_the_batches_that_remained(
    lengths: list[int], position: int, world: int
) -> None:
    _, data = opened(lengths)

    def new(rank: int = 0) -> Packed:
        return Packed(data, length=16, batch=2, seed=3, rank=rank, world=world)

    def next_batches(packed: Packed, count: int) -> list[Batch]:
        batches: list[Batch] = []
        while len(batches) < count:
            for batch in packed:
                batches.append(batch)
                if len(batches) == count:
                    break
        return batches

    through = new()
    next_batches(through, position)
    state = through.state()
    for rank in range(world):
        undisturbed, resumed = new(rank), new(rank)
        remaining = next_batches(undisturbed, position + 12)[position:]
        resumed.restore(state)

        assert resumed.epoch == position // undisturbed.batches
        assert flat(next_batches(resumed, 12)) == flat(remaining)


def test_epochs_and_seeds_differ_and_are_the_same_again() -> None:
    _, data = opened([9] * 60)

    def epochs(seed: int) -> list[Any]:
        packed = Packed(data, length=16, batch=2, seed=seed)
        return [flat(list(packed)), flat(list(packed))]

    assert epochs(1) == epochs(1)
    assert epochs(1)[0] != epochs(1)[1]
    assert epochs(1)[0] != epochs(2)[0]


def test_the_order_is_the_same_on_every_machine() -> None:
    _, data = opened([3, 4, 5, 6])

    (batch,) = Packed(data, length=8, batch=2, seed=0)

    assert batch.ids_BT.tolist() == [[3, 4, 5, 12, 13, 14, 15, 16], [0, 1, 7, 8, 9, 10, 0, 0]]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"length": 8}, "length"),
        ({"batch": 1}, "batch"),
        ({"seed": 1}, "seed"),
        ({"world": 2}, "world"),
        ({"longer": "skip"}, "longer"),
        ({"prepared": opened([9, 9])[1]}, "data"),
    ],
)
def test_a_state_of_other_batches_is_refused(change: dict[str, Any], name: str) -> None:
    arguments: dict[str, Any] = {"prepared": opened([5, 6])[1], "length": 16, "batch": 2, "seed": 0}
    state = Packed(**arguments).state()

    with pytest.raises(InvalidRequest, match=f"The checkpoint was made with {name}"):
        Packed(**arguments | change).restore(state)


def test_records_of_several_parts_are_not_packed(tmp_path: Path) -> None:
    record = Labelled(prompt=(Message("user", "1-"),), completion="2+", label=True)
    prepare([record], spelled_out, tmp_path / "set", vocabulary=10, tokenizer_sha256="")

    with pytest.raises(InvalidRequest, match="labelled cannot be packed"):
        Packed(Prepared.open(tmp_path / "set"), length=8, batch=1, seed=0)


@given(lengths=st.lists(st.integers(1, 20), max_size=60), space=st.integers(20, 40))
@settings(deadline=None)
def test_pieces_fit_their_rows_and_no_two_rows_could_be_one(lengths: list[int], space: int) -> None:
    rows, count = best_fit(np.array(lengths, np.int64), space)

    used = np.bincount(rows, lengths, count) if lengths else np.zeros(0)
    assert len(used) == count
    assert not count or (used.min() > 0 and used.max() <= space)
    assert not count or count == 1 or np.sort(used)[:2].sum() > space


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=60), space=st.integers(20, 40))
@settings(deadline=None)
def test_it_takes_as_many_rows_as_placing_one_by_one(lengths: list[int], space: int) -> None:
    left: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [row for row, room in enumerate(left) if room >= length]
        if fitting:
            left[min(fitting, key=lambda row: left[row])] -= length
        else:
            left.append(space - length)

    assert best_fit(np.array(lengths, np.int64), space)[1] == len(left)


def test_rows_of_usual_documents_are_full() -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(5.5, 0.8, 5000).astype(np.int64), 2, 2048)

    _, count = best_fit(lengths, 2048)

    assert lengths.sum() / (count * 2048) > 0.998
