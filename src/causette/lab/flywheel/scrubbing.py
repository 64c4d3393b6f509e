"""Takes what tells who somebody is out of texts that models are to learn from.

Found for certain are addresses, numbers with a check digit, telephone numbers as `phonenumbers` knows them, keys, and
the author's own name. Other people's names and stories are not: a person has to look through what models learn from.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal

import phonenumbers

from causette.safety.secrets import secret_spans

#: What each place that was taken out had.
Kind = Literal["key", "email", "url", "iban", "card", "identity", "phone", "address", "name"]

_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,24}(?![\w-])")
# With a user's name and password, or with a query, which may have a token in it.
_TELLING_URL: Final = re.compile(
    r"\bhttps?://(?:[^\s/@]+:[^\s/@]+@[^\s<>\"')\]]+|[^\s<>\"')\]?]+\?[^\s<>\"')\]]+)"
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD: Final = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.])")
# France's number of registration: sex, year, month, place, order, key.
_NIR: Final = re.compile(r"\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}\b")
_ADDRESS: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7})(?![\w:]|\.\w)"
)
# As numbers are written without their country, which is one of these.
_REGIONS: Final = ("FR", "GB", "US")
_SHORTEST_NAME: Final = 3

_Spans = Callable[[str], Iterator[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text without what was found, and how often what was."""

    text: str
    found: Counter[Kind]


def scrub(text: str, names: Iterable[str] = ()) -> Scrubbed:
    """``text`` with ``[email]`` and the like in the place of what tells who somebody is.

    Args:
        names: of the text's author, as they call themselves; parts of three letters or more are taken out as well.
    """
    found = Counter[Kind]()
    steps: tuple[tuple[Kind, _Spans], ...] = (
        ("key", secret_spans),
        ("url", _matches(_TELLING_URL)),
        ("email", _matches(_EMAIL)),
        ("iban", _matches(_IBAN, _is_iban)),
        # Before cards: such a number with its key may look like one.
        ("identity", _matches(_NIR, _is_nir)),
        ("card", _matches(_CARD, _is_card)),
        # Before telephone numbers, which are written with dots as well.
        ("address", _matches(_ADDRESS, _is_address)),
        ("phone", _phones),
        ("name", _matches(_any_of(names))),
    )
    for kind, spans in steps:
        text, count = _replaced(text, spans(text), f"[{kind}]")
        if count:
            found[kind] += count
    return Scrubbed(text, found)


def _matches(shape: re.Pattern[str], holds: Callable[[str], bool] = lambda _: True) -> _Spans:
    def spans(text: str) -> Iterator[tuple[int, int]]:
        return (match.span() for match in shape.finditer(text) if holds(match.group()))

    return spans


def _replaced(text: str, spans: Iterator[tuple[int, int]], by: str) -> tuple[str, int]:
    parts: list[str] = []
    end = count = 0
    for first, last in spans:
        if first < end:
            continue
        parts += (text[end:first], by)
        end = last
        count += 1
    return "".join((*parts, text[end:])), count


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    parts = {part for name in names for part in (name, *re.split(r"[\s,;.@'-]+", name))}
    long = sorted((part for part in parts if len(part) >= _SHORTEST_NAME), key=len, reverse=True)
    # Nothing matches where there are none.
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, long)) or '(?!)'})(?!\w)", re.IGNORECASE)


def _phones(text: str) -> Iterator[tuple[int, int]]:
    spans = {
        (match.start, match.end)
        for region in _REGIONS
        for match in phonenumbers.PhoneNumberMatcher(text, region)
    }
    # Of two that overlap, the longer one.
    return iter(sorted(spans, key=lambda span: (span[0], -span[1])))


def _is_iban(text: str) -> bool:
    """ISO 13616: the letters as numbers, the first four characters last, leave 1 over 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """Luhn's sum (ISO/IEC 7812)."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = (sum(divmod(2 * each, 10)) for each in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _is_nir(text: str) -> bool:
    """The key is 97 less what is left over 97; Corsica's letters count as 19 and 18."""
    plain = text.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain[:13]) % 97 == int(plain[13:])


def _is_address(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False
