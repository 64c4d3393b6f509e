"""What of a record makes it the same as another: its texts, its prompt, and hashes of them."""

import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

from causette.lab.types import Conversation, Labelled, Message, Preference, Record, Text


def texts_of(record: Record) -> tuple[str, ...]:
    """All texts of a record, in order: a document, or the contents of messages and answers."""
    match record:
        case Text(text=text):
            return (text,)
        case Conversation(messages=messages):
            return _contents(messages)
        case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
            return (*_contents(prompt), chosen, rejected)
        case Labelled(prompt=prompt, completion=completion):
            return (*_contents(prompt), completion)


def answers_of(record: Record) -> tuple[str, ...]:
    """What the assistant says in a record; of a document, all of it."""
    match record:
        case Text(text=text):
            return (text,)
        case Conversation(messages=messages):
            return tuple(message.content for message in messages if message.role == "assistant")
        case Preference(chosen=chosen, rejected=rejected):
            return (chosen, rejected)
        case Labelled(completion=completion):
            return (completion,)


def opening_of(record: Record) -> tuple[str, ...]:
    """What was said before the assistant first spoke; of a document, all of it."""
    match record:
        case Text(text=text):
            return (text,)
        case Conversation(messages=messages):
            said = messages
        case Preference(prompt=prompt) | Labelled(prompt=prompt):
            said = prompt
    first = next((at for at, message in enumerate(said) if message.role == "assistant"), len(said))
    return _contents(said[:first])


def fingerprint(record: Record) -> bytes:
    """The same for records that differ in nothing but case, white space and Unicode's ways of writing."""
    kind = type(record).__name__
    match record:
        case Text(text=text):
            return digest((kind, text))
        case Conversation(messages=messages):
            return digest((kind, *_said(messages)))
        case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
            return digest((kind, *_said(prompt), chosen, rejected))
        case Labelled(prompt=prompt, completion=completion, label=label):
            return digest((kind, *_said(prompt), completion, str(label)))


def digest(texts: Iterable[str]) -> bytes:
    """16 bytes that are the same for the same texts in their normal form, in the same order."""
    hash_ = blake2b(digest_size=16)
    for text in texts:
        normal = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).encode()
        hash_.update(b"%d:" % len(normal))
        hash_.update(normal)
    return hash_.digest()


def _contents(messages: Iterable[Message]) -> tuple[str, ...]:
    return tuple(message.content for message in messages)


def _said(messages: Iterable[Message]) -> Iterable[str]:
    for message in messages:
        yield message.role
        yield message.content
