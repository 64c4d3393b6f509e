"""Titles: the first words at once, and what of a model's answer makes a better one."""

import pytest

from causette.assistant.generation.titles import first_words, sensible_title

SKY = "Why is the sky blue on sunny days?"
BREAD = "Comment faire lever une pâte à pain sans levure chimique ?"


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello", "Hello"),
        ("  Hello\n\tworld  ", "Hello world"),
        ("", "…"),
        (SKY, SKY),
        ("word " * 20, "word word word word word word word word word word word word…"),
        ("a" * 80, "a" * 60 + "…"),
        ("one, " * 11 + "twelve, thirteen", "one, " * 10 + "one…"),
    ],
)
def test_first_words_are_cut_between_words(content: str, title: str) -> None:
    assert first_words(content) == title


@pytest.mark.parametrize(
    ("answer", "question", "title"),
    [
        ("Blue Sky Explained", SKY, "Blue Sky Explained"),
        ('"Blue sky explained."', SKY, "Blue sky explained"),
        ("**Title: Blue sky explained**", SKY, "Blue sky explained"),
        ("\n\nblue skies on sunny days\nIt is because of…", SKY, "Blue skies on sunny days"),
        ("Titre : « Pâte à pain sans levure »", BREAD, "Pâte à pain sans levure"),
        ("Faire lever la pate", BREAD, "Faire lever la pate"),
        ("Sujet – Pâte à pain maison", BREAD, "Pâte à pain maison"),
        ("", SKY, None),
        ("…\n", SKY, None),
        ("Sky", SKY, None),
        ("Sure, here is a title that you may like for the blue sky", SKY, None),
        ("I cannot help with that", SKY, None),
        ("A Journey Through Time", SKY, None),
        ("Sunny " + "x" * 60, SKY, None),
        ("Recette de cuisine", BREAD, None),
    ],
)
def test_a_models_answer_is_a_title_only_if_it_makes_sense(
    answer: str, question: str, title: str | None
) -> None:
    assert sensible_title(answer, question) == title
