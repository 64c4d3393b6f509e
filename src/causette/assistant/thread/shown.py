"""What the reader of a reply sees of its Markdown: the words alone, in the order in which they stand there.

It follows what the page draws (``web/src/markdown``), as far as words go: marks, addresses, formulas and blocks that
are shown as a card are left out. It is not a whole parser: lines and marks are read one kind after the other, each in
one go, so that a conversation of thousands of messages is read while its reader types.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

_MARKS: Final = re.compile(r"[*_`~\[\]<>&\\$#|]|^[ \t]*(?:[-+=]|\d+[.)])", re.MULTILINE)
_FENCE: Final = re.compile(r"^[ \t>]*(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_BLANK: Final = re.compile(r"\n[ \t>]*\n")
# At the beginning of a line: quotes, list markers, boxes of tasks, hashes of headings.
_LEADING: Final = re.compile(
    r"^[ \t]*(?:>[ \t]?)*(?:[ \t]*(?:[-+*]|\d{1,9}[.)])(?:[ \t]+|$)(?:\[[ xX]\][ \t]+)?)*(?:#{1,6}(?:[ \t]+|$))?",
    re.MULTILINE,
)
_CLOSING_HASHES: Final = re.compile(r"[ \t]+#+[ \t]*$", re.MULTILINE)
# Lines that are drawn as a rule, or underline a heading; and the one under the head of a table.
_DRAWN: Final = re.compile(r"^[ \t>]*(?:(?:[-*_=][ \t]*){3,}|=+|-+)[ \t]*$\n?", re.MULTILINE)
_RULED: Final = re.compile(
    r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$\n?", re.MULTILINE
)
# What has its own way of being read, whatever stands in it; the first that begins has it.
_LITERAL: Final = re.compile(
    r"\$\$(?P<display>(?:\\.|[^\\$])+?)\$\$"
    r"|\\\[(?P<square>.{1,2000}?)\\\]"
    r"|\\\((?P<round>.{1,2000}?)\\\)"
    r"|\$(?![\s$])(?P<dollar>(?:(?:\\.|[^\\$\n])*?[^\\\s$]|\\.))\$(?![\d$])"
    r"|(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<(?P<address>[a-zA-Z][a-zA-Z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w.-]+)>"
    r"|(?P<reference>&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z][a-zA-Z\d]{1,31});)"
    r"|(?P<line><br\s*/?>|\\\n)",
    re.DOTALL,
)
#: A link or a picture, of which the text is seen.
LINK: Final = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"\([ \t\n]*(?:<[^<>\n]*>|(?:[^\s()]|\([^\s()]*\))*)(?:[ \t\n]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t\n]*\)"
)
_DEFINITION: Final = re.compile(r"^[ \t>]*\[[^\]\n]+\]:[ \t]*\S.*$\n?", re.MULTILINE)
_REFERRING: Final = re.compile(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]")
_DELIMITERS: Final = re.compile(r"\*+|_+|~+")
# Where something literal stood, while the marks around it are read.
_HELD: Final = re.compile("\ue000(\\d+)\ue001")
_HOLDERS: Final = str.maketrans("", "", "\ue000\ue001")
# `html title="…"`, `html index.html`, `jsx:src/app.jsx`.
_TITLED: Final = re.compile(
    r"\b(?:title|file|filename|name)\s*=\s*\S|^\s*[\w+#-]+[:\s]\s*[\w./-]+\.\w{1,8}\s*$"
)
_LONG_DOCUMENT: Final = 12
# A row of so many marks is a line that somebody drew.
_LONGEST_RUN: Final = 8


def shown(markdown: str) -> str:
    """The words that are seen of a reply, with a line break wherever another block begins."""
    if not _MARKS.search(markdown):
        return markdown
    return "\n\n".join(_blocks(markdown.translate(_HOLDERS)))


def _blocks(markdown: str) -> Iterator[str]:
    text: list[str] = []
    code: list[str] = []
    fence, info = "", ""
    for line in markdown.split("\n"):
        found = _FENCE.match(line)
        if not fence and found is None:
            text.append(line)
        elif not fence and found is not None:
            yield from _paragraphs("\n".join(text))
            text, code = [], []
            fence, info = found["fence"], found["info"]
        elif (bare := line.strip(" \t>")).startswith(fence) and not bare.strip(fence[0]):
            if not _is_card(info, code):
                yield "\n".join(code)
            fence = ""
        else:
            code.append(line)
    if not fence:
        yield from _paragraphs("\n".join(text))
    elif not _is_card(info, code):
        yield "\n".join(code)


def _is_card(info: str, code: list[str]) -> bool:
    """Whether a block is shown as what it makes, as ``web/src/artifacts/find.ts`` says."""
    language, source = re.split(r"[\s{:]", f"{info.strip()} ")[0].lower(), "\n".join(code)
    titled = _TITLED.search(info) is not None
    long = titled or len(code) >= _LONG_DOCUMENT
    match language:
        case "svg" | "mermaid":
            return True
        case "xml":
            return re.match(r"\s*(?:<\?xml[^>]*>\s*)?<svg[\s>]", source, re.IGNORECASE) is not None
        case "html" | "htm":
            page = r"^\s*<svg[\s>]|<(?:!doctype|html|body|head|script|style)\b"
            return long or re.search(page, source, re.IGNORECASE) is not None
        case "jsx" | "tsx":
            component = r"\bexport\s+default\b|\bfunction\s+[A-Z]|\bconst\s+[A-Z]\w*\s*="
            return titled or re.search(component, source) is not None
        case "markdown" | "md":
            return long
        case _:
            return False


def _paragraphs(text: str) -> Iterator[str]:
    text = _CLOSING_HASHES.sub("", _LEADING.sub("", _DRAWN.sub("", text)))
    if _DEFINITION.search(text):
        text = _REFERRING.sub(r"\1", _DEFINITION.sub("", text))
    for paragraph in _BLANK.split(text):
        if paragraph.strip():
            yield _words(paragraph)


def _words(text: str) -> str:
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(_read(found))
        return f"\ue000{len(held) - 1}\ue001"

    text = _LITERAL.sub(hold, text)
    if "|" in text and (ruled := _RULED.search(text)) is not None and "|" in ruled[0]:
        text = _RULED.sub("", text).replace("|", "\n")
    if "]" in text:
        # Twice, for the picture in a link.
        text = LINK.sub(r"\1", LINK.sub(r"\1", text))
    text = _without_emphasis(text)
    return _HELD.sub(lambda found: held[int(found[1])], text) if held else text


def _without_emphasis(text: str) -> str:
    """The text without the marks of emphasis and of what is struck through: those that begin something which ends.

    What begins or ends is told by what stands around a mark, as in CommonMark (0.31, section 6.2).
    """
    runs = list(_DELIMITERS.finditer(text))
    left = [len(run[0]) for run in runs]
    open_runs: list[int] = []
    open_kinds: dict[str, int] = {}

    def close(at: int) -> None:
        open_kinds[_kind(runs[open_runs[at]][0])] -= 1
        del open_runs[at]

    for number, run in enumerate(runs):
        kind = _kind(run[0])
        begins, ends = _flanks(text, run)
        while ends and left[number] and open_kinds.get(kind):
            # What was begun in between has no end.
            while _kind(runs[open_runs[-1]][0]) != kind:
                close(-1)
            opener = open_runs[-1]
            taken = min(left[opener], left[number])
            left[opener] -= taken
            left[number] -= taken
            if not left[opener]:
                close(-1)
        if begins and left[number]:
            open_runs.append(number)
            open_kinds[kind] = open_kinds.get(kind, 0) + 1
    pieces: list[str] = []
    at = 0
    for run, kept in zip(runs, left, strict=True):
        pieces += (text[at : run.start()], run[0][:kept])
        at = run.end()
    return "".join((*pieces, text[at:]))


def _kind(run: str) -> str:
    """What can end what: any stars end stars, but two tildes only two."""
    return run if run[0] == "~" else run[0]


def _flanks(text: str, run: re.Match[str]) -> tuple[bool, bool]:
    """Whether a run of marks can begin an emphasis, and whether it can end one."""
    before, after = text[run.start() - 1 : run.start()] or " ", text[run.end() : run.end() + 1] or " "
    apart_before, apart_after = not before.isalnum(), not after.isalnum()
    begins = not after.isspace() and (not apart_after or apart_before)
    ends = not before.isspace() and (not apart_before or apart_after)
    if run[0][0] == "_":
        begins, ends = begins and apart_before, ends and apart_after
    return begins and len(run[0]) < _LONGEST_RUN, ends and len(run[0]) < _LONGEST_RUN


def _read(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "code" | "escaped" | "address":
            return found[found.lastgroup]
        case "reference":
            return unescape(found[0])
        case "line":
            return "\n"
        case _:
            # Formulas are drawn.
            return ""
