"""A conversation's title: its first words at once, then a better one from the model if it makes sense."""

import re
import unicodedata
from typing import Final

from causette.engines.types import ChatMessage

_LONGEST: Final = 60
_MOST_WORDS: Final = 8
_FEWEST_LETTERS: Final = 4
_QUOTES: Final = "\"'`*_#«»“”‘’ \t\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
_LABEL: Final = re.compile(r"^(title|titre|topic|sujet)\s*[:\-–]\s*", re.IGNORECASE)


def first_words(content: str) -> str:
    """The beginning of a message, cut between words."""
    line = " ".join(content.split())
    if len(line) <= _LONGEST:
        return line or "…"
    cut = line[:_LONGEST].rsplit(" ", 1)[0] if " " in line[:_LONGEST] else line[:_LONGEST]
    return cut.rstrip(",;:.!?") + "…"


def title_prompt(question: str) -> tuple[ChatMessage, ...]:
    """What to ask a model for a title."""
    return (
        ChatMessage(
            "system",
            "You name conversations. Answer with a title of two to six words in the language of the message. "
            "No quotation marks, no full stop, nothing else.",
        ),
        ChatMessage("user", f"The message:\n{question[:1000]}\n\nIts title:"),
    )


def sensible_title(answer: str, question: str) -> str | None:
    """The title in a model's answer, or None when it is not one.

    A small model may chat, refuse or drift: a title is one short line that shares a word with the question.
    """
    lines = [line for line in answer.splitlines() if line.strip(_QUOTES)]
    if not lines:
        return None
    title = _LABEL.sub("", lines[0].strip(_QUOTES)).strip(_QUOTES).rstrip(".:;,").strip(_QUOTES)
    words = title.split()
    if not 2 <= len(words) <= _MOST_WORDS or len(title) > _LONGEST:
        return None
    if not _content_words(title) & _content_words(question):
        return None
    return title[0].upper() + title[1:]


def _content_words(text: str) -> set[str]:
    """Words that carry meaning, without accents and endings' capitals."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return {word for word in re.findall(r"\w+", letters) if len(word) >= _FEWEST_LETTERS}
