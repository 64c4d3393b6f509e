"""Sets of Unicode characters as sorted, disjoint, inclusive ranges of code points."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

CharSet = tuple[tuple[int, int], ...]

_MAX: Final = 0x10FFFF


def chars(text: str) -> CharSet:
    """The characters of ``text``."""
    return union((ord(char), ord(char)) for char in text)


def union(ranges: Iterable[tuple[int, int]]) -> CharSet:
    """Everything in any of ``ranges``, which may touch and overlap."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(charset: CharSet) -> CharSet:
    """Every code point that is not in ``charset``."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in charset:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= _MAX:
        gaps.append((start, _MAX))
    return tuple(gaps)


def common(left: CharSet, right: CharSet) -> CharSet:
    """What is in both."""
    shared: list[tuple[int, int]] = []
    a = b = 0
    while a < len(left) and b < len(right):
        low, high = max(left[a][0], right[b][0]), min(left[a][1], right[b][1])
        if low <= high:
            shared.append((low, high))
        if left[a][1] < right[b][1]:
            a += 1
        else:
            b += 1
    return tuple(shared)


def contains(charset: CharSet, char: str) -> bool:
    """Whether ``char`` is in ``charset``."""
    code = ord(char)
    return any(low <= code <= high for low, high in charset)


def atoms(charsets: Iterable[CharSet]) -> list[CharSet]:
    """The coarsest split of the given sets' union such that each set is a union of parts; parts are single ranges."""
    edges: set[int] = set()
    for charset in charsets:
        for low, high in charset:
            edges |= {low, high + 1}
    cuts = sorted(edges)
    return [((low, after - 1),) for low, after in pairwise(cuts)]


#: What a JSON string may hold unescaped. Left out, though legal: DEL and the C1 controls, which nobody wants to
#: read, and the planes above 3, whose lead bytes some vocabularies lack.
PLAIN: Final[CharSet] = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0xA0, 0xD7FF), (0xE000, 0x3FFFF))
#: What is written with a backslash, by the letter that follows it. Every character has one spelling only.
ESCAPES: Final = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
#: The characters of generated strings.
ALPHABET: Final[CharSet] = union((*PLAIN, *chars("".join(ESCAPES))))
DIGITS: Final[CharSet] = chars("0123456789")


def utf8_ranges(low: int, high: int) -> list[tuple[int, int]]:
    """``low`` to ``high`` cut where the UTF-8 forms of the ends do not span whole ranges of trailing bytes.

    The grammar compiler drops characters of ranges that are not cut so, and leaves dead ends.
    """
    for last_of_width in (0x7F, 0x7FF, 0xFFFF):
        if low <= last_of_width < high:
            return utf8_ranges(low, last_of_width) + utf8_ranges(last_of_width + 1, high)
    if high > 0x7F:
        for block in (1 << 6, 1 << 12, 1 << 18):
            mask = block - 1
            if low & ~mask != high & ~mask:
                if low & mask:
                    return utf8_ranges(low, low | mask) + utf8_ranges((low | mask) + 1, high)
                if high & mask != mask:
                    return utf8_ranges(low, (high & ~mask) - 1) + utf8_ranges(high & ~mask, high)
    return [(low, high)]
