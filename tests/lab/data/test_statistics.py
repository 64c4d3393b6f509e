"""What a set of records is like is told in figures that a person can check."""

from collections.abc import Callable, Iterable

import pytest

from causette.lab.data.languages import language_of
from causette.lab.data.statistics import Statistics, Tally
from causette.lab.types import Conversation, Encoded, Message, Preference, Record, Text


def by_character(record: Record) -> list[Encoded]:
    assert isinstance(record, Text)
    return [Encoded(list(range(len(record.text))), [True] * len(record.text))]


def describe(
    records: Iterable[Record], encode: Callable[[Record], list[Encoded]] | None = None
) -> Statistics:
    tally = Tally()
    for record in records:
        tally.add(record, encode(record) if encode is not None else None)
    return tally.statistics()


def test_lengths_are_told_by_percentiles() -> None:
    told = describe([Text(text="x" * length) for length in range(1, 101)], by_character)

    assert (told.records, told.kinds) == (100, {"text": 100})
    assert told.tokens == told.characters
    assert told.tokens is not None
    assert (told.tokens.total, told.tokens.p50, told.tokens.p95, told.tokens.max) == (5050, 50, 95, 100)


def test_turns_and_empty_answers_are_counted() -> None:
    hi = Message("user", "Hi")
    records: list[Record] = [
        Conversation(messages=(hi, Message("assistant", "Hello"), hi, Message("assistant", " \n"))),
        Conversation(messages=(hi, Message("assistant", "Hello"))),
        Preference(prompt=(hi,), chosen="Hello", rejected=""),
    ]

    told = describe(records)

    assert (told.turns.total, told.turns.max, told.empty_answers, told.tokens) == (9, 4, 2, None)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sat on the mat and looked at the rain for hours.", "en"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("Wie geht es dir heute, und was machst du morgen?", "de"),
        ("今日はいい天気ですね", "ja"),
        ("2 + 2 = 4", "und"),
        ("ok", "und"),
        ("", "und"),
    ],
)
def test_a_language_is_told_where_there_is_enough_to_tell_it(text: str, language: str) -> None:
    assert language_of(text) == language


def test_the_table_shows_every_figure() -> None:
    texts = ["The cat sat on the mat and looked at the rain."] * 1500 + [
        "Il pleut sur la ville depuis ce matin."
    ]

    table = describe([Text(text=text) for text in texts], by_character).table()

    assert table.splitlines() == [
        "                       total         p50         p95         max",
        "characters            69,038          46          46          46",
        "tokens                69,038          46          46          46",
        "turns                  1,501           1           1           1",
        "",
        "records     text 1,501",
        "languages   en 1,500, fr 1",
    ]


def test_no_records_have_figures_too() -> None:
    told = describe([])

    assert (told.records, told.characters.max, told.languages) == (0, 0, {})
