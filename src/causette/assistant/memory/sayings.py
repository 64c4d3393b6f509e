"""What of a message may be kept: whole sentences of the person's own, about themselves, without secrets.

Nothing here or later is worded anew. A model only chooses among these sentences, so what is kept is what was said,
however small the model. Sentences are found in the two languages of the house; in others people ask for it, by a tool
or in their list.
"""

import re
from typing import Final

from causette.assistant.search.words import COMMON, stem, words_of

#: Characters of what is kept at most.
LONGEST: Final = 500
_LONGEST_SENTENCE: Final = 300
_FEWEST_WORDS: Final = 3
_MOST_SENTENCES: Final = 12
# What apostrophes and the verb to be leave.
_EMPTY: Final = COMMON | frozenset(["am", "m", "ve", "re", "d", "ll", "j", "l", "qu", "c", "n", "s", "t"])
# So much of two sayings' words in common makes them one.
_ALIKE: Final = 0.8

_END: Final = re.compile(r"(?<=[.!?…])\s+|\n+")
_POLITE: Final = r"(?:please,?\s+|hi,?\s+|hello,?\s+|bonjour,?\s+|s['’]il (?:te|vous) pla[iî]t,?\s+)?"
_ASKED: Final = (
    re.compile(
        _POLITE + r"(?:remember|keep in mind|note|don['’]t forget|do not forget)"
        r"\s*(?:that\s+|:\s*|(?=(?:i|i['’]m|i['’]ve|my|we|our)\b))(.+)",
        re.IGNORECASE,
    ),
    re.compile(
        _POLITE + r"(?:souviens-toi|souvenez-vous|rappelle-toi|rappelez-vous|retiens|retenez|m[ée]morisez?"
        r"|n['’]oubliez? pas|notez?)(?: bien)?\s*(?:que\s+|qu['’]\s*|:\s*)(.+)",
        re.IGNORECASE,
    ),
)
# Said by the subject of the sentence, or of what begins with it.
_OF_ONESELF: Final = re.compile(
    r"(?:[\w'’-]+,?\s+){0,3}?(?:i|i['’](?:m|ve|ll|d)|we|we['’](?:re|ve)|je|j['’]\w+|nous)\b"
    r"|(?:my|our|mon|ma|mes|notre|nos)\b",
    re.IGNORECASE,
)
# What is wanted now is no lasting fact.
_WANTED: Final = re.compile(
    r"\b(?:i (?:want|need|wonder|was wondering)|i['’]d (?:like|love)|i would (?:like|love)|(?:can|could|should|may|do)"
    r" i|i have a question|je (?:veux|voudrais|souhaite|me demande)|j['’]aimerais|j['’]ai besoin|j['’]ai une question"
    r"|(?:dois|puis)-je)\b"
    r"|^(?:tell|write|give|show|help|explain|make|find|list|suggest|translate|summari[sz]e|imagine|pretend|act"
    r"|[ée]cri[st]|donnez?|montrez?|aidez?|expliquez?|fai(?:s|tes)|trouvez?|proposez?|traduis|r[ée]sumez?|dis|dites"
    r"|imaginez?)\b",
    re.IGNORECASE,
)
# Passwords and their like, numbers of cards, accounts and papers, and what looks like a key.
_SECRET: Final = re.compile(
    r"\b(?:pass(?:word|code|phrase|wd)s?|mots? de passe|pin(?: code)?|code (?:pin|secret|confidentiel)|cvv|cvc|iban|bic"
    r"|api[ _-]?keys?|cl[ée]s? (?:api|secr[èe]tes?|priv[ée]es?)|private keys?|secret|token|jeton|ssn"
    r"|social security|s[ée]curit[ée] sociale|credit card|carte (?:bancaire|bleue|de cr[ée]dit)|passport number"
    r"|num[ée]ro de passeport|login|identifiants?)\b"
    r"|(?:\d[ .-]?){9,}"
    r"|\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,}"
    r"|\b(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9_\-+/=]{20,}",
    re.IGNORECASE,
)


def asked_for(message: str) -> list[str]:
    """What a message asks to remember ("remember that …"), without the asking."""
    found: list[str] = []
    for sentence in _sentences(message):
        for asking in _ASKED:
            if (match := asking.match(sentence)) and not has_secret(sentence):
                text = match[1].strip()
                found.append(text[:1].upper() + text[1:])
                break
    return found


def of_oneself(message: str) -> list[str]:
    """The sentences of a message in which a person says something of themselves that might last."""
    return [
        sentence
        for sentence in _sentences(message)
        if _OF_ONESELF.match(sentence)
        and not sentence.endswith("?")
        and not _WANTED.search(sentence)
        and not has_secret(sentence)
        and not any(asking.match(sentence) for asking in _ASKED)
    ][:_MOST_SENTENCES]


def has_secret(text: str) -> bool:
    """Whether a text speaks of what nobody should keep for another: passwords, cards, accounts, keys."""
    return _SECRET.search(text) is not None


def meaning(text: str) -> frozenset[str]:
    """The stems of the words that a text is about."""
    return frozenset(stem(word) for word in words_of(text) if word not in _EMPTY)


def is_known(text: str, known: list[frozenset[str]]) -> bool:
    """Whether one of the meanings says as much as ``text`` already."""
    new = meaning(text)
    return any(new <= old or len(new & old) >= _ALIKE * len(new | old) for old in known)


def _sentences(message: str) -> list[str]:
    pieces = (" ".join(piece.split()).strip(" -*•>") for piece in _END.split(message))
    return [
        piece for piece in pieces if len(piece) <= _LONGEST_SENTENCE and len(piece.split()) >= _FEWEST_WORDS
    ]
