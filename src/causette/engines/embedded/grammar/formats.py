"""The formats that are followed, as regular expressions. Any other format is an annotation, as the standard says."""

from functools import cache
from typing import Final

from causette.engines.embedded.grammar.automata import Automaton
from causette.engines.embedded.grammar.patterns import full_automaton

# Years 1000 to 2999, and never the 29th of February: then every date exists.
_DATE: Final = (
    r"[12]\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))"
)
_TIME: Final = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_LABEL: Final = r"[a-z0-9]+(?:-[a-z0-9]+)*"

_FORMATS: Final = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f"{_DATE}T{_TIME}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "email": rf"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:{_LABEL}\.)+[a-z]{{2,}}",
    "ipv4": rf"{_OCTET}(?:\.{_OCTET}){{3}}",
}


@cache
def format_automaton(name: str) -> Automaton | None:
    """The strings of the format ``name``, or None where it is not followed."""
    return full_automaton(_FORMATS[name]) if name in _FORMATS else None
