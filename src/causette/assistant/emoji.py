"""One emoji, by which people know a project or an assistant of theirs."""

import unicodedata
from typing import Final

from causette.errors import InvalidRequest

# A flag or a family is one emoji of many code points.
_LONGEST: Final = 16
# Letters, spaces and controls.
_NO_PICTURE: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Zs", "Zl", "Zp", "Cc", "Cs", "Co"})


def checked_emoji(emoji: str | None) -> str | None:
    """``emoji`` as it is kept; None for none.

    Raises:
        InvalidRequest: it is something else.
    """
    if emoji is None or not emoji.strip():
        return None
    emoji = emoji.strip()
    kinds = {unicodedata.category(character) for character in emoji}
    # Pictures are symbols, or ones that this Python does not know yet; joiners and selectors make one of several.
    if len(emoji) > _LONGEST or not kinds & {"So", "Cn", "Me", "Mn"} or kinds & _NO_PICTURE:
        raise InvalidRequest(f"{emoji[:_LONGEST]!r} is not one emoji. Send one, or none.", param="emoji")
    return emoji
