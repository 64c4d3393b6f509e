"""Which of the passages that a reply was given it cites."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from causette.assistant.generation.parts import Sources
from causette.assistant.knowledge.types import Source

# One or several numbers in brackets, as models write them.
_MARKER: Final = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_NUMBER: Final = re.compile(r"\d+")


def cited(text: str, parts: Sequence[dict[str, object]]) -> list[Source]:
    """The sources whose numbers ``text`` has. What a reply was given and does not cite was never shown to be its."""
    numbers = {int(number) for marker in _MARKER.findall(text) for number in _NUMBER.findall(marker)}
    given: list[Source] = []
    for part in parts:
        if part.get("type") == "sources":
            given += msgspec.convert(part, Sources).items
    return [source for source in given if source.n in numbers]
