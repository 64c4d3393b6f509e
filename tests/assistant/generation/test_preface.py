"""What a model is told first stays within its share of the context, the important before the long."""

from hypothesis import given
from hypothesis import strategies as st

from causette.assistant.generation.preface import Kind, Piece, Preface, cut

KINDS: list[Kind] = ["assistant", "project", "custom", "memory", "tools", "knowledge"]


def test_nothing_to_say_is_no_turn() -> None:
    assert Preface().turns(1000) == []
    assert Preface((Piece("memory", "  \n"),)).turns(1000) == []


def test_what_changes_least_comes_first() -> None:
    preface = Preface(
        (Piece("knowledge", "passage"), Piece("memory", "likes tea"), Piece("assistant", "You are Bo."))
    )
    (turn,) = preface.turns(1000)
    assert (turn.role, turn.content) == ("system", "You are Bo.\n\nlikes tea\n\npassage")


def test_a_long_passage_takes_no_room_from_instructions() -> None:
    preface = Preface((Piece("knowledge", "word " * 5000), Piece("project", "Answer in verse.")))
    text = preface.text(600)
    assert text.startswith("Answer in verse.")
    assert text.endswith("word…")
    assert len(text) <= 600 * 4 // 3


def test_pieces_of_one_kind_keep_their_order() -> None:
    assert Preface((Piece("memory", "one"), Piece("memory", "two"))).text(1000) == "one\n\ntwo"


def test_a_text_is_cut_between_lines_and_never_to_a_stump() -> None:
    assert cut("a" * 300 + "\n" + "b" * 100, 350) == "a" * 300 + "…"
    assert cut("a" * 300, 100) == ""
    assert cut("short", 5) == "short"


@given(
    pieces=st.lists(st.tuples(st.sampled_from(KINDS), st.text(max_size=2000)), max_size=8),
    context=st.integers(1, 4000),
)
def test_its_share_is_never_exceeded(pieces: list[tuple[Kind, str]], context: int) -> None:
    preface = Preface(tuple(Piece(kind, text) for kind, text in pieces))
    assert len(preface.text(context)) <= context * 4 // 3
