"""Records that are their own encoding, for tests of what happens to tokens."""

import random
from collections.abc import Sequence
from pathlib import Path

from causette.lab.data import Manifest, Prepared, prepare
from causette.lab.types import Encoded, Labelled, Record, Text

Tokens = list[tuple[int, bool]]


def as_text(tokens: Tokens) -> Text:
    """A document that `spelled_out` encodes as these tokens."""
    return Text(text=" ".join(f"{token}{'+' if learned else '-'}" for token, learned in tokens))


def spelled_out(record: Record) -> Sequence[Encoded]:
    """Tokens as their numbers, each followed by + if it is learned and by - if not."""
    match record:
        case Text(text=text):
            return [_encoded(text)]
        case Labelled(prompt=prompt, completion=completion):
            return [_encoded(prompt[0].content), _encoded(completion)]
        case _:
            raise AssertionError(record)


def _encoded(text: str) -> Encoded:
    words = text.split()
    return Encoded([int(word[:-1]) for word in words], [word.endswith("+") for word in words])


def documents(lengths: Sequence[int], learned: float = 0.7, seed: int = 0) -> list[Tokens]:
    """Documents of these lengths whose tokens are all different, so that each can be told in a batch."""
    chance = random.Random(seed)
    first = 0
    made: list[Tokens] = []
    for length in lengths:
        made.append([(first + at, chance.random() < learned) for at in range(length)])
        first += length
    return made


def write(folder: Path, tokens: Sequence[Tokens], vocabulary: int = 1 << 20) -> Manifest:
    return prepare(
        map(as_text, tokens), spelled_out, folder, vocabulary=vocabulary, tokenizer_sha256="the tokenizer's"
    )


def prepared(folder: Path, tokens: Sequence[Tokens]) -> Prepared:
    write(folder, tokens)
    return Prepared.open(folder)
