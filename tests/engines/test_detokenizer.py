"""Tokens become text without ever showing half a character, and stop strings never show at all."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.engines.embedded.detokenizer import (
    PROBE,
    ByteDetokenizer,
    Detokenizer,
    StopStrings,
    WindowDetokenizer,
    detokenizers,
)

FAMILY = "👩‍👩‍👧"
#: Every single byte is a token, as in any byte-level vocabulary.
BYTES = [bytes([value]) for value in range(256)]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("é🙂👩‍👧日\n a", max_size=30)


def decode_bytes(ids: Sequence[int]) -> str:
    """What a tokenizer without state makes of some tokens: unfinished characters show as U+FFFD."""
    return bytes(ids).decode(errors="replace")


def pushed(detokenizer: Detokenizer, pieces: list[list[int]]) -> tuple[list[str], str]:
    """What each push showed, and what was left at the end."""
    return [detokenizer.push(piece) for piece in pieces], detokenizer.finish()


@st.composite
def texts_in_pieces(draw: st.DrawFn) -> tuple[str, list[list[int]]]:
    """A text, and its bytes as tokens cut anywhere, also within a character."""
    text = draw(texts)
    ids = list(text.encode())
    cuts = sorted(draw(st.lists(st.integers(0, len(ids)), max_size=20)))
    return text, [ids[start:end] for start, end in zip([0, *cuts], [*cuts, len(ids)], strict=True)]


@given(texts_in_pieces())
def test_bytes_cut_anywhere_give_back_the_text_in_whole_characters(given_: tuple[str, list[list[int]]]):
    text, pieces = given_
    shown, rest = pushed(ByteDetokenizer(BYTES), pieces)
    assert "".join(shown) == text
    assert rest == ""


@given(texts_in_pieces().filter(lambda item: "\N{REPLACEMENT CHARACTER}" not in item[0]))
def test_a_window_of_tokens_gives_back_the_text_in_whole_characters(given_: tuple[str, list[list[int]]]):
    text, pieces = given_
    shown, rest = pushed(WindowDetokenizer(decode_bytes), pieces)
    assert "".join(shown) + rest == text
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(shown)


@pytest.mark.parametrize("detokenizer", [ByteDetokenizer(BYTES), WindowDetokenizer(decode_bytes)])
def test_each_part_of_joined_emoji_is_shown_when_its_last_byte_is_there(detokenizer: Detokenizer):
    shown, rest = pushed(detokenizer, [[byte] for byte in FAMILY.encode()])
    assert [part for part in shown if part] == list(FAMILY)
    assert rest == ""


@pytest.mark.parametrize("detokenizer", [ByteDetokenizer(BYTES), WindowDetokenizer(decode_bytes)])
def test_bytes_that_never_became_a_character_show_at_the_end_only(detokenizer: Detokenizer):
    shown, rest = pushed(detokenizer, [[*b"caf"], ["é".encode()[0]]])
    assert "".join(shown) == "caf"
    assert rest == "\N{REPLACEMENT CHARACTER}"


def test_tokens_beyond_the_vocabulary_have_no_text():
    detokenizer = ByteDetokenizer(BYTES)
    assert detokenizer.push([ord("a"), 256, 99_999, ord("b")]) == "ab"


def test_a_window_keeps_the_space_between_words_that_a_tokenizer_drops_at_the_beginning():
    words = ["▁the", "▁cat", "s", "▁sat"]
    detokenizer = WindowDetokenizer(
        lambda ids: "".join(words[token] for token in ids).replace("▁", " ").removeprefix(" ")
    )
    assert [detokenizer.push([token]) for token in (0, 1, 2, 3)] == ["the", " cat", "s", " sat"]


def test_the_fast_way_is_taken_where_the_vocabularys_bytes_are_the_text():
    vocabulary = {piece: token for token, piece in enumerate(BYTES)}
    new = detokenizers(vocabulary, frozenset(), encode=lambda text: list(text.encode()), decode=decode_bytes)
    assert isinstance(new(), ByteDetokenizer)


def test_the_general_way_is_taken_where_they_are_not():
    letters = {character.encode(): token for token, character in enumerate(dict.fromkeys(PROBE))}
    vocabulary = {b"~" + piece: token for piece, token in letters.items()}
    new = detokenizers(
        vocabulary,
        frozenset(),
        encode=lambda text: [letters[character.encode()] for character in text],
        decode=lambda ids: "".join(list(dict.fromkeys(PROBE))[token] for token in ids),
    )
    assert isinstance(new(), WindowDetokenizer)


def test_special_tokens_show_nothing():
    vocabulary = {**{piece: token for token, piece in enumerate(BYTES)}, b"<|end|>": 256}
    new = detokenizers(
        vocabulary, frozenset({256}), encode=lambda text: list(text.encode()), decode=decode_bytes
    )
    assert new().push([ord("a"), 256, ord("b")]) == "ab"


def before_the_first_stop(text: str, stops: list[str]) -> tuple[str, bool]:
    """The definition, letter by letter: a text ends where a stop string is complete for the first time."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))], True
    return text, False


few_letters = st.text("ab\n🙂", max_size=25)


@given(st.lists(few_letters, max_size=8), st.lists(st.text("ab\n🙂", min_size=1, max_size=5), max_size=4))
def test_a_text_ends_before_its_first_stop_string_however_it_comes(pieces: list[str], stops: list[str]):
    watch = StopStrings(stops)
    shown = [watch.push(piece) for piece in pieces]
    shown.append(watch.push("", last=True))
    assert ("".join(shown), watch.found) == before_the_first_stop("".join(pieces), stops)


@given(st.lists(few_letters, max_size=8), st.lists(st.text("ab", min_size=1, max_size=5), max_size=4))
def test_what_was_shown_is_never_taken_back(pieces: list[str], stops: list[str]):
    """After each piece: everything shown is before the first stop, and what is held back might begin one."""
    watch, shown, come = StopStrings(stops), "", ""
    for piece in pieces:
        shown += watch.push(piece)
        come += piece
        allowed, found = before_the_first_stop(come, stops)
        assert allowed.startswith(shown)
        held = allowed[len(shown) :]
        assert found or not held or any(stop.startswith(held) for stop in stops)
