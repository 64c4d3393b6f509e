"""From a document to its passages: along its own structure, so that each says one thing and can be cited.

A passage never runs over a heading. It is made of whole blocks (paragraphs, list items, code, tables) until it has some
250 words; a block that is too long by itself is cut between its lines or sentences. Where a section takes several
passages, each begins with the last sentence or two of the one before, so that what is said across the border is found.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from causette.assistant.knowledge.types import Passage, Place, Readable, Section
from causette.assistant.search.words import WORD

# About what an answer takes: less loses what it hangs together with, more is about several things.
_USUAL: Final = 250
_MOST: Final = 330
# Code and tables mean little in parts.
_MOST_WHOLE: Final = 500
_OVERLAP: Final = 40
# What is left at a section's end and is shorter than this goes with the passage before it.
_LEAST: Final = 40
# Where there are few words to count (base64, a line of signs), so many characters are one.
_CHARACTERS_A_WORD: Final = 16

_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_ITEM: Final = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]")
# A row as Markdown has it, and as sheets are read.
_ROW: Final = re.compile(r"^\s*\||\S \| ")
_LINE_END: Final = re.compile(r"\n")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…。！？])[\s»”\"')\]]+(?=\S)")


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    words: int
    #: Code or a table.
    whole: bool = False


def markdown_sections(text: str) -> tuple[Section, ...]:
    """The sections of a Markdown text by its headings (``#``); what looks like one in code is none."""
    sections = [Section(start=0)]
    path: list[tuple[int, str]] = []
    fence = ""
    for start, line in _lines(text, 0, len(text)):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            continue
        if mark:
            fence = mark[1]
        elif found := _HEADING.match(line.rstrip("\r\n")):
            depth = len(found[1])
            path = [item for item in path if item[0] < depth]
            path.append((depth, found[2]))
            sections.append(Section(start=start, headings=tuple(title for _, title in path)))
    return tuple(sections[1:] if len(sections) > 1 and sections[1].start == 0 else sections)


def passages_of(document: Readable) -> list[Passage]:
    """The document's passages in order. Together they have all of its words."""
    text, sections = document.text, document.sections
    runs = _runs(sections)
    made: list[Passage] = []
    for index, section in enumerate(runs):
        end = runs[index + 1].start if index + 1 < len(runs) else len(text)
        made.extend(
            Passage(start=start, end=stop, headings=section.headings, place=_place_at(sections, start))
            for start, stop in _packed(text, list(_blocks(text, section.start, end)))
        )
    return made


def _runs(sections: Sequence[Section]) -> list[Section]:
    """The sections that passages stay within. A page's end is no border: sentences run over it."""
    return [
        section
        for index, section in enumerate(sections)
        if index == 0
        or section.headings != sections[index - 1].headings
        or (section.place is not None and section.place.kind != "page")
    ]


def _place_at(sections: Sequence[Section], at: int) -> Place | None:
    return sections[max(0, bisect_right(sections, at, key=lambda section: section.start) - 1)].place


def _packed(text: str, blocks: Sequence[_Block]) -> list[tuple[int, int]]:
    """The spans that passages take of a section's blocks."""
    spans: list[list[_Block]] = []
    words = 0
    for block in blocks:
        fits = words + block.words <= (_MOST_WHOLE if block.whole else _MOST)
        if spans and (words == 0 or (words < _USUAL and fits) or (block.words < _LEAST and fits)):
            spans[-1].append(block)
        else:
            spans.append([block])
            words = 0
        words += block.words
    if len(spans) > 1 and sum(block.words for block in spans[-1]) < _LEAST:
        spans[-2].extend(spans.pop())
    return [
        (run[0].start if index == 0 else _overlapping(text, spans[index - 1][-1], run[0].start), run[-1].end)
        for index, run in enumerate(spans)
    ]


def _overlapping(text: str, before: _Block, start: int) -> int:
    """Where a passage begins that takes the last sentences of the block before it along."""
    if before.whole:
        return start
    kept = start
    for at in reversed([before.start, *_borders(text, before.start, before.end, _SENTENCE_END)]):
        if _count(text[at:start]) > _OVERLAP:
            break
        kept = at
    return kept


def _blocks(text: str, start: int, end: int) -> Iterator[_Block]:
    """Paragraphs, list items, fenced code and tables, the longer ones in parts."""
    for block_start, block_end, whole in _raw_blocks(text, start, end):
        words = _count(text[block_start:block_end])
        if words <= (_MOST_WHOLE if whole else _MOST):
            if words or text[block_start:block_end].strip():
                yield _Block(block_start, block_end, words, whole)
            continue
        yield from _parts(text, block_start, block_end, whole=whole)


def _raw_blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Where blocks begin and end, and whether each is code or a table."""
    begun, last, kind, fence = start, start, "", ""
    for at, line in _lines(text, start, end):
        stop, mark = at + len(line), _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
            last = stop
            continue
        here = "code" if mark else "table" if _ROW.search(line) else "" if line.strip() else "gap"
        if here == "gap" or (here != kind and last > begun) or mark or (here == "" and _ITEM.match(line)):
            if last > begun:
                yield begun, last, kind in {"code", "table"}
            begun, last = stop, stop
            if here != "gap":
                begun = at
        if here != "gap":
            last = stop
            kind = here
        if mark:
            fence = mark[1]
    if last > begun:
        yield begun, last, kind in {"code", "table"}


def _parts(text: str, start: int, end: int, *, whole: bool) -> Iterator[_Block]:
    """A block that is too long in parts of the usual length, cut between lines or sentences, else between words."""
    borders = _borders(text, start, end, _LINE_END if whole else _SENTENCE_END)
    begun = start
    for index, border in enumerate(borders):
        following = borders[index + 1] if index + 1 < len(borders) else end
        if border > begun and _count(text[begun:following]) > _USUAL:
            yield from _short(text, begun, border)
            begun = border
    yield from _short(text, begun, end)


def _short(text: str, start: int, end: int) -> Iterator[_Block]:
    """A part, cut between words where even one sentence or line is too long for a passage, and within endless words."""
    longest = _MOST * _CHARACTERS_A_WORD
    borders = [start]
    words = 0
    for found in WORD.finditer(text, start, end):
        words += 1
        if found.start() > borders[-1] and (words > _MOST or found.end() - borders[-1] > longest):
            borders.append(found.start())
            words = 1
    for begun, stop in zip(borders, [*borders[1:], end], strict=True):
        for at in range(begun, stop, longest):
            piece = text[at : min(stop, at + longest)]
            if piece.strip():
                yield _Block(at, at + len(piece), _count(piece))


def _borders(text: str, start: int, end: int, pattern: re.Pattern[str]) -> list[int]:
    return [found.end() for found in pattern.finditer(text, start, end)]


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    at = start
    while at < end:
        stop = text.find("\n", at, end) + 1 or end
        yield at, text[at:stop]
        at = stop


def _count(text: str) -> int:
    """How many words long a text is."""
    return max(len(WORD.findall(text)), len(text) // _CHARACTERS_A_WORD)
