"""Records as tokens."""

from collections.abc import Sequence
from hashlib import sha256

from causette.lab.chat import ChatTokenizer
from causette.lab.data import Encode
from causette.lab.types import Conversation, Encoded, Labelled, Preference, Record, Text


def encoder(tokenizer: ChatTokenizer) -> Encode:
    """Encodes records of each kind: only what the assistant says is learned, and all of a text."""

    def encode(record: Record) -> Sequence[Encoded]:
        match record:
            case Text():
                return (tokenizer.encode_text(record.text),)
            case Conversation():
                return (tokenizer.encode(record.messages),)
            case Preference():
                answers = record.chosen, record.rejected
            case Labelled():
                answers = (record.completion,)
        prompt = tokenizer.encode_prompt(record.prompt)
        return (Encoded(prompt, [False] * len(prompt)), *(_answer(tokenizer, answer) for answer in answers))

    return encode


def fingerprint(tokenizer: ChatTokenizer) -> str:
    """The SHA-256 of what decides how records are encoded: the tokenizer and its chat template."""
    inner = tokenizer.tokenizer
    return sha256(f"{inner.backend_tokenizer.to_str()}\0{inner.chat_template}".encode()).hexdigest()


def _answer(tokenizer: ChatTokenizer, text: str) -> Encoded:
    ids = tokenizer.encode_completion(text)
    return Encoded(ids, [True] * len(ids))
