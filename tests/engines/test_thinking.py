"""Thinking and answer are told apart, however the text is cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.engines.thinking import Tags, Thoughts, written


def split(pieces: list[str], tags: Tags, *, inside: bool | None = None) -> tuple[str, str]:
    thoughts = Thoughts(tags, inside=inside)
    made = [thoughts.push(piece) for piece in pieces]
    made.append(thoughts.finish())
    return "".join(thought for thought, _ in made), "".join(answer for _, answer in made)


@pytest.mark.parametrize(
    ("tags", "text", "thought", "answer"),
    [
        ("tagged", "<think>\nHm.\n\nYes.\n</think>\n\nFour.", "Hm.\n\nYes.", "Four."),
        ("tagged", "\n<think>Hm</think>Four", "Hm", "Four"),
        ("tagged", "Four.", "", "Four."),
        ("tagged", "\n\nFour.", "", "\n\nFour."),
        ("tagged", "The tag <think> opens </think> it.", "", "The tag <think> opens </think> it."),
        ("tagged", "<think>Hm", "Hm", ""),
        ("tagged", "<think></think>\n\nFour.", "", "Four."),
        ("tagged", "<thi", "", "<thi"),
        ("prefilled", "Hm.\n</think>\n\nFour. </think>", "Hm.", "Four. </think>"),
        ("prefilled", "Hm </thin king", "Hm </thin king", ""),
        ("none", "<think>Hm</think>Four", "", "<think>Hm</think>Four"),
    ],
)
def test_a_block_at_the_beginning_is_thinking(tags: Tags, text: str, thought: str, answer: str) -> None:
    assert split([text], tags) == (thought, answer)
    assert split(list(text), tags) == (thought, answer)


@given(
    text=st.lists(
        st.sampled_from(["<think>", "</think>", "\n", "a", "<", "</th", "ink>", " b ", "é"]), max_size=12
    ).map("".join),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    tags=st.sampled_from(["none", "tagged", "prefilled"]),
)
def test_the_pieces_make_no_difference(text: str, cuts: list[int], tags: Tags) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert split(pieces, tags) == split([text], tags)


@given(
    thought=st.text(st.characters(exclude_characters="<\n"), min_size=1).filter(
        lambda text: text == text.strip()
    ),
    answer=st.text(st.characters(exclude_characters="\n"), min_size=1),
    data=st.data(),
)
def test_a_reply_is_continued_where_it_was_broken_off(thought: str, answer: str, data: st.DataObject) -> None:
    """What an engine is given to continue reads as what it wrote, in the thinking and after it."""
    assert split([written(thought, answer)], "tagged") == (thought, answer)
    at = data.draw(st.integers(1, len(thought)))
    assert split([written(thought[:at], ""), thought[at:], "</think>", answer], "tagged") == (thought, answer)
