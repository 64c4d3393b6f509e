"""What of a message may be kept, without any model."""

import pytest

from causette.assistant.memory.sayings import asked_for, has_secret, is_known, meaning, of_oneself


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("I keep bees in Brittany. What do they eat in winter?", ["I keep bees in Brittany."]),
        (
            "Hi! I'm Rose, and I teach.\nMy son is six years old.",
            ["I'm Rose, and I teach.", "My son is six years old."],
        ),
        (
            "Bonjour, je m'appelle Luc. J'habite à Nantes.",
            ["Bonjour, je m'appelle Luc.", "J'habite à Nantes."],
        ),
        ("Mes filles ont six et neuf ans !", ["Mes filles ont six et neuf ans !"]),
        ("By the way, we live on a farm.", ["By the way, we live on a farm."]),
        # What is wanted, asked or said of others is nobody's lasting fact.
        ("I want a recipe for leek soup.", []),
        ("Write a letter to my landlord.", []),
        ("Tell me what I should do about it.", []),
        ("Je voudrais une recette de soupe.", []),
        ("J’aimerais un conseil pour mon jardin.", []),
        ("Do I need a visa for Japan?", []),
        ("The bees are in the garden.", []),
        ("I am", []),
        ("I like " + "very " * 80 + "long sentences.", []),
        ("Remember that I keep bees.", []),
    ],
)
def test_sentences_about_oneself_are_found(message: str, kept: list[str]) -> None:
    assert of_oneself(message) == kept


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("Remember that I am allergic to nuts. What shall I cook?", ["I am allergic to nuts."]),
        ("Please remember: my birthday is in May.", ["My birthday is in May."]),
        ("Don't forget I work at night.", ["I work at night."]),
        ("Souviens-toi que j'ai deux chats.", ["J'ai deux chats."]),
        ("S'il te plaît, retiens bien que je suis végétarienne.", ["Je suis végétarienne."]),
        ("N’oublie pas qu’on part en mai.", ["On part en mai."]),
        ("Remember when we talked about bees?", []),
        ("Do you remember that film?", []),
    ],
)
def test_what_is_asked_to_be_remembered_is_found(message: str, asked: list[str]) -> None:
    assert asked_for(message) == asked


@pytest.mark.parametrize(
    "secret",
    [
        "my password is hunter2 hunter2",
        "Mon mot de passe est azerty",
        "my card is 4111 1111 1111 1111",
        "my number is 06.12.34.56.78",
        "mon compte est FR76 3000 6000 0112 3456 7890 189",
        "my key is sk-causette-Ab12Cd34Ef56Gh78Ij90",
        "the PIN code of my phone",
        "my API key",
    ],
)
def test_secrets_are_never_kept(secret: str) -> None:
    assert has_secret(secret)
    assert of_oneself(f"I say it now: {secret}.") == []
    assert asked_for(f"Remember that {secret}.") == []


def test_what_is_known_is_known_in_other_words_too() -> None:
    known = [meaning("I keep bees in Brittany, and I teach.")]
    assert is_known("I am keeping bees in Brittany.", known)
    assert is_known("I KEEP BEES.", known)
    assert not is_known("I keep goats in Brittany.", known)
    assert not is_known("I keep bees.", [])
