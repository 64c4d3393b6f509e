"""Questions to this project's own documents, and how soon passages are found among many."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from causette.assistant.files.types import ParsedDocument, Piece
from causette.assistant.knowledge.chunking import passages_of
from causette.assistant.knowledge.index import DocumentIndex, Scored, ranked, spread
from causette.assistant.knowledge.ingestion import context_of, readable_of
from causette.assistant.knowledge.lexical import Postings, terms_of
from causette.assistant.knowledge.types import Passage
from causette.assistant.knowledge.vectors import PassageVectors, Vectors, windows_of
from causette.engines.embedded.encoder import SentenceEncoder

ROOT: Final = Path(__file__).parents[2]
#: Of ``bench/data/retrieval.toml``, what is asked in the language of the pages, and what across languages.
GROUPS: Final = ("en", "fr", "across", "later")
WAYS: Final = ("words", "meaning", "hybrid")
SHOWN: Final = 5
#: What a passage of usual length has.
WINDOWS: Final = 4
_QUICK_PAGES: Final = ("README.fr.md", "docs/operation.md", "docs/safety.md", "docs/models.md")
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the headings (``page#heading``) that answer."""

    group: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """The pages as they are searched, and their passages."""

    indexes: list[DocumentIndex]
    passages: dict[str, list[Passage]]
    windows: int
    seconds: float


def questions(*, quick: bool) -> tuple[list[str], list[Question]]:
    """The pages, and the questions that they answer."""
    data = tomllib.loads((ROOT / "bench/data/retrieval.toml").read_text())
    pages = [page for page in data["pages"] if not quick or page in _QUICK_PAGES]
    found: list[Question] = []
    for group in GROUPS:
        asked: Mapping[str, list[str]] = data[group]
        for text, answers in asked.items():
            if any(answer.partition("#")[0] in pages for answer in answers):
                found.append(Question(group, text, tuple(answers)))
    return pages, found


def library(pages: Sequence[str], encoder: SentenceEncoder) -> Library:
    """The pages, cut, read and encoded as a file that somebody uploads is."""
    indexes: list[DocumentIndex] = []
    passages: dict[str, list[Passage]] = {}
    windows, began = 0, perf_counter()
    for page in pages:
        text = (ROOT / page).read_text()
        readable = readable_of(ParsedDocument(pieces=(Piece(text=text, start=0),)), markdown=True)
        passages[page] = passages_of(readable)
        title = Path(page).name
        said = [
            (context_of(title, passage.headings), text[passage.start : passage.end])
            for passage in passages[page]
        ]
        cut = [windows_of(words, context) for context, words in said]
        windows += sum(map(len, cut))
        vectors = iter(encoded(encoder, [window for each in cut for window in each]))
        found = PassageVectors.of([np.stack([next(vectors) for _ in each]) for each in cut])
        indexes.append(
            DocumentIndex(
                page,
                Postings.of(f"{context}\n{words}" for context, words in said),
                PassageVectors.unpacked([found.packed()], found.dimensions),
            )
        )
    return Library(indexes, passages, windows, perf_counter() - began)


def encoded(encoder: SentenceEncoder, texts: Sequence[str]) -> list[Vectors]:
    """The texts' vectors."""
    found: list[Vectors] = []
    for at in range(0, len(texts), _BATCH):
        found.extend(encoder.encode(texts[at : at + _BATCH])[0].copy())
    return found


def place_of_answer(library: Library, question: Question, vector: Vectors, way: str) -> int:
    """At which place, from 1, the first passage stands that answers; 0 when it is not among those that are shown."""

    def place_of(item: Scored) -> tuple[str, int, tuple[str, ...]]:
        return item.file_id, item.number, library.passages[item.file_id][item.number].headings

    terms = [] if way == "meaning" else terms_of(question.text)
    found = ranked(library.indexes, terms, None if way == "words" else vector, limit=3 * SHOWN)
    for place, item in enumerate(spread(found, place_of, limit=SHOWN), 1):
        file_id, _, headings = place_of(item)
        if any(_answers(answer, file_id, headings) for answer in question.answers):
            return place
    return 0


def check_answers(library: Library, asked: Sequence[Question]) -> None:
    """Every heading that is said to answer is there.

    Raises:
        ValueError: one is not: the pages have changed, and the questions have not.
    """
    for question in asked:
        for answer in question.answers:
            page = answer.partition("#")[0]
            if page in library.passages and not any(
                _answers(answer, page, passage.headings) for passage in library.passages[page]
            ):
                raise ValueError(f"bench/data/retrieval.toml: there is no {answer!r}")


def _answers(answer: str, page: str, headings: tuple[str, ...]) -> bool:
    wanted, _, heading = answer.partition("#")
    return wanted == page and (headings[-1:] == (heading,) or heading in headings[1:])


def many(passages: int, searches: int) -> list[float]:
    """Milliseconds of searches among so many made-up passages of 120 words and 4 windows, in documents of 500."""
    chance = np.random.default_rng(4)
    frequent = 1 / (np.arange(20_000) + 2.7)
    frequent /= frequent.sum()
    count = 500
    words = chance.choice(20_000, (count, 120), p=frequent).astype(np.uint32)
    owners = np.repeat(np.arange(count, dtype=np.uint32), 120)
    rows = np.unique(np.stack((words.ravel(), owners), 1), axis=0)
    postings = Postings(
        rows[:, 0].copy(), rows[:, 1].copy(), np.ones(len(rows), np.uint8), np.full(count, 120, np.uint32)
    )
    windows = chance.standard_normal((passages, WINDOWS, 384), np.float32)
    windows /= np.linalg.norm(windows, axis=2, keepdims=True)
    indexes = [
        DocumentIndex(f"file_{at}", postings, PassageVectors.of(windows[at : at + count]))
        for at in range(0, passages, count)
    ]
    took: list[float] = []
    for _ in range(searches):
        terms = [int(word) for word in chance.choice(20_000, 6, p=frequent)]
        vector = chance.standard_normal(384, np.float32)
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        began = perf_counter()
        ranked(indexes, terms, unit, limit=SHOWN)
        took.append(1e3 * (perf_counter() - began))
    return took
