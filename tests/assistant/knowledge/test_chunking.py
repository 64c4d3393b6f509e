"""Passages follow a document's own structure, say where they stand, and leave nothing out."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from causette.assistant.files.types import ParsedDocument, Piece
from causette.assistant.knowledge.chunking import markdown_sections, passages_of
from causette.assistant.knowledge.ingestion import readable_of
from causette.assistant.knowledge.types import Place, Readable
from causette.assistant.search.words import WORD, words_of

SENTENCE = "The harbour master writes the height of the tide into a ledger every morning. "


def markdown(text: str) -> Readable:
    return Readable(text=text, sections=markdown_sections(text))


def texts(document: Readable) -> list[str]:
    return [document.text[passage.start : passage.end] for passage in passages_of(document)]


def test_a_passage_stands_under_all_its_headings() -> None:
    text = "# Handbook\n\nHello.\n\n## Leave\n\nDays.\n\n### Sick\n\nRest.\n\n## Pay\n\nMonthly.\n"
    passages = passages_of(markdown(text))
    assert [passage.headings for passage in passages] == [
        ("Handbook",),
        ("Handbook", "Leave"),
        ("Handbook", "Leave", "Sick"),
        ("Handbook", "Pay"),
    ]
    assert text[passages[2].start : passages[2].end].split() == ["###", "Sick", "Rest."]


def test_what_looks_like_a_heading_in_code_is_none() -> None:
    text = "# One\n\n```sh\n# not a heading\nls\n```\n\nAfter.\n"
    assert [passage.headings for passage in passages_of(markdown(text))] == [("One",)]


def test_a_long_section_is_cut_between_sentences_and_overlaps() -> None:
    pieces = texts(markdown("# Tides\n\n" + SENTENCE * 60))
    assert len(pieces) > 2
    for piece in pieces:
        assert len(WORD.findall(piece)) <= 380
        assert piece.rstrip().endswith((".", "Tides"))
    for before, after in pairwise(pieces):
        shared = after[: len(SENTENCE)]
        assert shared in before, "each begins with the last of the one before"


def test_code_and_tables_stay_whole() -> None:
    code = "```python\n" + "value = compute(value, other)\n" * 90 + "```\n"
    table = "| name | value |\n|---|---|\n" + "| one | two |\n" * 100
    pieces = texts(markdown(f"{SENTENCE * 18}\n\n{code}\n{SENTENCE * 18}\n\n{table}"))
    assert sum(code.strip() in piece for piece in pieces) == 1
    assert sum(table.strip() in piece for piece in pieces) == 1


def test_a_page_is_where_a_passage_begins_and_no_border() -> None:
    pages = tuple(
        Piece(text=SENTENCE * 4, start=number * (len(SENTENCE) * 4 + 2), page=number + 1)
        for number in range(9)
    )
    parsed = ParsedDocument(pieces=pages)
    passages = passages_of(readable_of(parsed))
    assert 1 < len(passages) < 9
    assert [passage.place for passage in passages[:2]] == [
        Place(kind="page", name="1"),
        Place(kind="page", name="5"),
    ]


def test_slides_and_sheets_are_borders() -> None:
    parsed = ParsedDocument(
        pieces=(
            Piece(text="Welcome", start=0, slide=1, heading="Welcome"),
            Piece(text="Goals", start=9, slide=2, heading="Goals"),
            Piece(text="a | b\n1 | 2", start=16, sheet="Budget"),
        )
    )
    passages = passages_of(readable_of(parsed))
    assert [(passage.headings, passage.place and passage.place.name) for passage in passages] == [
        (("Welcome",), "1"),
        (("Goals",), "2"),
        ((), "Budget"),
    ]


def test_a_line_without_spaces_or_words_is_cut_too() -> None:
    for text in ("x" * 50_000, "=" * 50_000, "漢" * 5_000):
        pieces = texts(Readable(text=text, sections=markdown_sections(text)))
        assert "".join(pieces) == text
        assert max(map(len, pieces)) <= 330 * 16


@given(
    st.lists(
        st.sampled_from(
            [
                "# A\n",
                "## B\n",
                "\n",
                "```\n",
                "| x | y |\n",
                "- item\n",
                SENTENCE,
                "\n\n",
                SENTENCE * 9,
                "word ",
            ]
        ),
        max_size=40,
    )
)
def test_no_word_is_left_out_and_order_is_kept(parts: list[str]) -> None:
    document = markdown("".join(parts))
    passages, end, said = passages_of(document), 0, ""
    for passage in passages:
        assert passage.end > end, "each goes further than the one before"
        said += document.text[max(passage.start, end) : passage.end] + "\n"
        end = passage.end
    assert words_of(said) == words_of(document.text)
