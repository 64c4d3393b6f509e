"""Text as people read it: without what hides a word from a computer and not from them."""

import unicodedata
from dataclasses import dataclass
from typing import Final

# Letters of other scripts that look like Latin ones.
_LOOKALIKES: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝѵɡıκοανρτυχεικвмнткАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhqwvgikoavptuxeikbmhtkABEKMHOPCTXIJSABEZHIKMNOPTYX",
)
# What NFKD leaves as it is although it has a plain form, or comes between words.
_PLAIN: Final = tuple(
    zip("ßæœøłđðÆŒØŁĐÐ–—’", ("ss", "ae", "oe", *"oldd", "ae", "oe", *"oldd", *"   "), strict=True)
)
_WORDS: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_SIGNS: Final = "0134@5$7!"
_DISGUISED: Final = _WORDS | {ord(sign): letter for sign, letter in zip(_SIGNS, "oieaassti", strict=True)}
_OUTLINE: Final = (
    {code: "a" if chr(code).isalpha() else " " for code in range(128)}
    | dict.fromkeys(map(ord, _SIGNS), "1")
    | {ord("!"): "!"}
)
# An exclamation mark stands for a letter within words only.
_DISGUISES: Final = ("1a", "a1", "a!a")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text as its words in lower-case ASCII, and where there are such, with digits and signs read as letters."""

    plain: str
    disguised: str | None


def fold(text: str) -> Folded:
    """``text`` without accents, invisible characters, other alphabets' lookalikes, capitals and punctuation.

    What has no Latin letter is left out; :func:`fold_any_script` keeps it.
    """
    if not text.isascii():
        text = _ascii(text)
    shape = outline(text)
    disguised = ("1" in shape or "!" in shape) and any(disguise in shape for disguise in _DISGUISES)
    return Folded(text.translate(_WORDS), text.translate(_DISGUISED) if disguised else None)


def outline(text: str) -> str:
    """ASCII ``text`` with a for each letter, 1 for signs that may stand for letters, ! for itself, else spaces."""
    return text.translate(_OUTLINE)


def fold_any_script(text: str) -> str:
    """``text`` in lower case, without accents, invisible characters and spaces, in whatever script it is written."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def _ascii(text: str) -> str:
    """``text`` in ASCII, letter for letter."""
    if not _is_western(text):
        text = text.translate(_LOOKALIKES)
    text = unicodedata.normalize("NFKD", text)
    for character, plain in _PLAIN:
        text = text.replace(character, plain)
    # Combining marks and invisible characters fall away.
    return text.encode("ascii", "ignore").decode("ascii")


def _is_western(text: str) -> bool:
    """Whether all of it is in Windows' character set for western Europe, which has no letter of another script.

    Asking a codec costs a twentieth of looking at each character.
    """
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
