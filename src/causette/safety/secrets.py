"""Finds what looks like a secret: a private key, or a key to somebody's service."""

import re
from collections.abc import Iterator
from typing import Final

#: What each kind has in it for certain, and what it looks like. Looking for the former costs next to nothing.
_SHAPES: Final[dict[str, tuple[tuple[str, ...], re.Pattern[str]]]] = {
    "private_key": (
        ("PRIVATE KEY",),
        re.compile(r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"),
    ),
    "aws": (("AKIA", "ASIA"), re.compile(r"(?<![A-Z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Z0-9])")),
    "github": (
        ("gh", "github_pat_"),
        re.compile(r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40})"),
    ),
    "openai": (("sk-",), re.compile(r"(?<![\w-])sk-(?!causette-)(?:[a-z]{2,12}-)?[A-Za-z0-9_-]{32}")),
    "causette": (("sk-causette-",), re.compile(r"(?<![\w-])sk-causette-[A-Za-z0-9_-]{16}")),
}

KINDS: Final = tuple(_SHAPES)
# All of a key in armour, which only begins with what gives it away.
_ARMOUR: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL
)
_TOKEN_REST: Final = re.compile(r"[\w-]*")


def secrets_in(text: str, kinds: frozenset[str]) -> bool:
    """Whether there is a secret of one of ``kinds`` in ``text``."""
    for kind in kinds:
        certain, shape = _SHAPES[kind]
        if any(part in text for part in certain) and shape.search(text):
            return True
    return False


def secret_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the secrets in ``text`` begin and end, in their order."""
    spans = [match.span() for match in _ARMOUR.finditer(text)]
    for kind, (certain, shape) in _SHAPES.items():
        if kind != "private_key" and any(part in text for part in certain):
            for match in shape.finditer(text):
                rest = _TOKEN_REST.match(text, match.end())
                spans.append((match.start(), match.end() if rest is None else rest.end()))
    return iter(sorted(spans))
