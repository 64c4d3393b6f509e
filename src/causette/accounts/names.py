"""Names that people give: to themselves, to keys, to workspaces."""

import unicodedata
from typing import Final

from causette.errors import InvalidRequest

_LONGEST: Final = 100


def checked_name(name: str) -> str:
    """``name`` without blanks around it, in Unicode's composed form.

    Raises:
        InvalidRequest: it is empty or too long, or holds a line break or a control character.
    """
    name = unicodedata.normalize("NFC", name[: 4 * _LONGEST]).strip()
    if not 1 <= len(name) <= _LONGEST:
        raise InvalidRequest(f"A name has 1 to {_LONGEST} characters.", code="invalid_name", param="name")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        raise InvalidRequest(
            "The name holds a line break or a control character. Leave it out.",
            code="invalid_name",
            param="name",
        )
    return name
