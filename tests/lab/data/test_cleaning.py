"""What the data has twice, nearly twice, or from an evaluation goes, and what is different stays."""

import random
from collections.abc import Iterable

import pytest

from causette.errors import InvalidRequest
from causette.lab.data import Cleaner, EvaluationTexts, Place, Removed, Row
from causette.lab.types import Conversation, Labelled, Message, Preference, Record, Text

WORDS = [f"word{number}" for number in range(2000)]


def rows(records: Iterable[Record]) -> list[Row]:
    return [Row(record, Place("data.jsonl", line)) for line, record in enumerate(records, 1)]


def cleaned(records: list[Record], cleaner: Cleaner | None = None) -> list[int]:
    """The lines that stay."""
    return [row.place.line for row in (cleaner or Cleaner()).clean(rows(records))]


def conversation(prompt: str, answer: str, system: str | None = None) -> Conversation:
    first = (Message("system", system),) if system else ()
    return Conversation(messages=(*first, Message("user", prompt), Message("assistant", answer)))


def preference(prompt: str, chosen: str, rejected: str) -> Preference:
    return Preference(prompt=(Message("user", prompt),), chosen=chosen, rejected=rejected)


def labelled(prompt: str, completion: str, label: bool) -> Labelled:
    return Labelled(prompt=(Message("user", prompt),), completion=completion, label=label)


def essay(seed: int, words: int = 200) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def changed(words: list[str], share: float, seed: int) -> str:
    """The words with a part of them, all at the end, said otherwise."""
    kept = round(len(words) * (1 - share))
    return " ".join(words[:kept] + essay(seed, len(words) - kept))


def test_of_records_that_are_the_same_the_first_stays() -> None:
    records: list[Record] = [
        Text(text="The café is open."),
        Text(text="Another text."),
        Text(text="  the CAFE\u0301 is\nopen. "),
        conversation("The café is open.", "Good."),
        conversation("The café is", "open. Good."),
        conversation("The café is open.", "GOOD."),
    ]
    removed: list[Removed] = []
    cleaner = Cleaner(near_duplicates=None, on_removed=removed.append)

    assert cleaned(records, cleaner) == [1, 2, 4, 5]
    assert list(map(str, removed)) == [
        "data.jsonl:3: duplicate: data.jsonl:1",
        "data.jsonl:6: duplicate: data.jsonl:4",
    ]
    report = cleaner.report()
    assert (report.kept, report.removed) == (4, {"duplicate": 2})


def test_records_that_differ_in_a_label_or_a_preference_are_not_the_same() -> None:
    records: list[Record] = [
        labelled("Hi", "Hello", True),
        labelled("Hi", "Hello", False),
        preference("Hi", "Hello", "Go away"),
        preference("Hi", "Go away", "Hello"),
        preference("Hi", "Go awayHel", "lo"),
        conversation("Hi", "Hello"),
    ]

    assert cleaned(records) == [1, 2, 3, 4, 5, 6]


def test_the_most_repeated_records_are_told() -> None:
    cleaner = Cleaner()
    cleaned([Text(text="often")] * 7 + [Text(text="twice")] * 2 + [Text(text="once")], cleaner)

    assert cleaner.report().repeated == [(Place("data.jsonl", 1), 7), (Place("data.jsonl", 8), 2)]


# Of 200 words w changed at the end, (196 - w) / (196 + w) of the runs of five that either has are in both.
@pytest.mark.parametrize(("share", "alike"), [(0.0, True), (0.05, True), (0.2, False), (0.5, False)])
def test_texts_that_say_nearly_the_same_are_found_and_those_that_do_not_stay(
    share: float, alike: bool
) -> None:
    found = 0
    for seed in range(50):
        words = essay(seed)
        records = [Text(text=" ".join(words)), Text(text=changed(words, share, seed + 1000) + "!")]
        found += len(cleaned(list(records))) == 1

    assert found >= 49 if alike else found <= 1


def test_a_near_duplicate_says_what_it_is_like() -> None:
    words = essay(1)
    removed: list[Removed] = []
    records: list[Record] = [
        Text(text="Another."),
        conversation("Tell me.", " ".join(words)),
        conversation("Tell me.", " ".join([*words, "indeed"])),
    ]

    assert cleaned(records, Cleaner(on_removed=removed.append)) == [1, 2]
    assert list(map(str, removed)) == ["data.jsonl:3: near duplicate: data.jsonl:2"]


def test_short_texts_stay_unless_all_their_words_are_the_same() -> None:
    texts = [
        "What is 2 + 2? 4",
        "What is 2 + 3? 5",
        "what is 2+2: 4",
        "今日は雨です",
        "今日は雪です",
        "Good morning",
        "Good day",
        "?!",
        "!?",
    ]

    assert cleaned([Text(text=text) for text in texts]) == [1, 2, 4, 5, 6, 7, 8, 9]


def test_where_words_have_no_spaces_characters_are_compared() -> None:
    text = "".join(random.Random(1).choices([chr(code) for code in range(0x4E00, 0x6000)], k=300))

    assert cleaned([Text(text=text), Text(text=f"{text}完"), Text(text=text[::-1])]) == [1, 3]


def test_a_system_message_that_all_have_makes_nothing_a_duplicate() -> None:
    system = " ".join(essay(1, 500))
    records: list[Record] = [
        conversation(f"What is {number} squared?", str(number**2), system) for number in range(50)
    ]

    assert len(cleaned(records)) == 50


def test_near_duplicates_stay_where_they_are_wanted() -> None:
    words = essay(1)
    one, other = " ".join(words), " ".join([*words, "indeed"])

    assert cleaned([Text(text=one), Text(text=other)], Cleaner(near_duplicates=None)) == [1, 2]
    assert cleaned([preference("Hi", one, "No."), preference("Hi", other, "No.")]) == [1, 2]
    assert cleaned([labelled("Hi", one, True), labelled("Hi", other, True)]) == [1, 2]


@pytest.mark.parametrize("similarity", [0.0, 1.1])
def test_a_similarity_that_no_texts_have_is_refused(similarity: float) -> None:
    with pytest.raises(InvalidRequest, match="use one above 0 and up to 1"):
        Cleaner(near_duplicates=similarity)


QUESTION = "A train leaves at noon and runs at 80 km/h; how far is it from home at half past two?"
EVALUATIONS = EvaluationTexts(
    {
        "trains": [QUESTION],
        "capitals": ["What is the capital of France?", "Paris"],
    }
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (QUESTION, "trains: “a train leaves at noon and runs at 80 km/h; how far”"),
        (f"Solve. {QUESTION.upper().replace(' ', '  ')}", "trains: “a  train  leaves  at"),
        ("They said: runs at 80 km/h; how far is it from home at half past two then", "trains: “runs at 80"),
        ("Runs at 80 km/h; how far is it from home at", None),
        ("Tell me: what is the capital of France", "capitals: “what is the capital of france”"),
        ("What is the capital of Peru?", None),
        ("Paris!", "capitals: “paris”"),
        ("Paris is the capital of France.", None),
        ("", None),
    ],
)
def test_the_text_of_an_evaluation_is_found_by_13_words_or_whole(text: str, found: str | None) -> None:
    overlap = EVALUATIONS.found_in([text])

    assert (overlap is None) if found is None else str(overlap).startswith(found)


def test_what_is_contaminated_goes_and_says_with_what() -> None:
    removed: list[Removed] = []
    records: list[Record] = [
        conversation("Add 2 and 2.", "4"),
        conversation("Say hello.", f"Hello. {QUESTION}"),
        preference("What is the capital of France?", "Rome", "Oslo"),
    ]

    assert cleaned(records, Cleaner(evaluations=EVALUATIONS, on_removed=removed.append)) == [1]
    assert [(one.place.line, one.why, one.like.split(":")[0]) for one in removed] == [
        (2, "contaminated", "trains"),
        (3, "contaminated", "capitals"),
    ]


def test_the_template_of_an_evaluation_contaminates_nothing() -> None:
    template = "Answer the following question with one letter and think step by step before you do: "
    questions = [template + " ".join(essay(number, 20)) for number in range(30)]
    evaluation = EvaluationTexts({"letters": questions})

    assert evaluation.found_in([template + "who wrote this?"]) is None
    assert evaluation.found_in([questions[7]]) is not None
    assert EvaluationTexts({"letters": questions[:10]}).found_in([template + "who wrote this?"]) is not None


def test_without_evaluations_nothing_is_contaminated() -> None:
    assert EvaluationTexts({}).found_in([QUESTION]) is None
    assert EvaluationTexts({"empty": ["", "?"]}).found_in([QUESTION, ""]) is None


def test_one_prompt_with_many_answers_is_told_and_stays() -> None:
    cleaner = Cleaner()
    records = [conversation("Deploy.", f"I run command {number}.") for number in (1, 1, 1, 1, 2)]
    stays = cleaned([conversation("Hi", "Hello"), *records], cleaner)

    assert stays == [1, 2, 6]
    assert list(map(str, cleaner.report().contradictions)) == [
        "data.jsonl:2: 5 records, 2 different answers to one prompt"
    ]


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([conversation("Hi", f"Answer {number}.") for number in range(4)], []),
        ([conversation("Hi", "Hello")] * 9, []),
        (
            [labelled("Hi", "Hello", True), labelled("Hi", "hello", False)],
            ["data.jsonl:1: 2 records, 2 labels of one answer"],
        ),
        ([labelled("Hi", "Hello", True), labelled("Hi", "Go away", False)], []),
        (
            [preference("Hi", "A", "B"), preference("Hi", "A", "B"), preference("Hi", "B", "A")],
            ["data.jsonl:1: 3 records, 2 ways round of one preference"],
        ),
        ([preference("Hi", "A", "B"), preference("Hi", "B", "C")], []),
    ],
)
def test_labels_and_preferences_that_contradict_are_told(records: list[Record], told: list[str]) -> None:
    cleaner = Cleaner()
    cleaned(records, cleaner)

    assert list(map(str, cleaner.report().contradictions)) == told
