"""The code in a reply."""

import re
from typing import Final

# A fence that is not closed ends with the reply.
_BLOCK: Final = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)


def code_of(reply: str, function: str) -> str:
    """The first fenced block that defines ``function``, or the first of any, or the reply where it has none."""
    blocks: list[str] = _BLOCK.findall(reply)
    defining = [block for block in blocks if defines(block, function)]
    return (defining or blocks or [reply])[0]


def defines(code: str, function: str) -> bool:
    """Whether ``code`` has a function of this name at its outermost."""
    return re.search(rf"^(?:async )?def {re.escape(function)}\b", code, re.MULTILINE) is not None
