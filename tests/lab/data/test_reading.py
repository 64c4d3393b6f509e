"""Records are read in the field's forms, and of a file that cannot be read all that is wrong is told."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causette.errors import InvalidRequest
from causette.lab.data import BadData, Place, Problems, read, read_texts
from causette.lab.types import Conversation, Labelled, Message, Preference, Record, Text

USER = {"role": "user", "content": "Hi"}
BOT = {"role": "assistant", "content": "Hello"}
WORSE = {"role": "assistant", "content": "Go away"}
HI = Message("user", "Hi")
PREFERENCE = Preference(prompt=(HI,), chosen="Hello", rejected="Go away")

FORMS: list[tuple[dict[str, Any], Record]] = [
    ({"text": "A document."}, Text(text="A document.")),
    ({"messages": [USER, BOT]}, Conversation(messages=(HI, Message("assistant", "Hello")))),
    (
        {
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "2"}, {"type": "text", "text": "+2?"}]},
                {"role": "assistant", "content": "add(2, 2)", "tool_calls": None, "weight": 1},
                {"role": "tool", "content": "4"},
                {"role": "assistant", "content": "4"},
            ]
        },
        Conversation(
            messages=(
                Message("system", "Be brief."),
                Message("user", "2+2?"),
                Message("assistant", "add(2, 2)"),
                Message("tool", "4"),
                Message("assistant", "4"),
            )
        ),
    ),
    ({"prompt": "Hi", "completion": "Hello"}, Conversation(messages=(HI, Message("assistant", "Hello")))),
    ({"prompt": [USER], "completion": [BOT]}, Conversation(messages=(HI, Message("assistant", "Hello")))),
    ({"prompt": "Hi", "chosen": "Hello", "rejected": "Go away"}, PREFERENCE),
    ({"prompt": [USER], "chosen": [BOT], "rejected": [WORSE]}, PREFERENCE),
    ({"chosen": [USER, BOT], "rejected": [USER, WORSE]}, PREFERENCE),
    ({"prompt": "Hi", "chosen": [USER, BOT], "rejected": [USER, WORSE], "messages": [USER, BOT]}, PREFERENCE),
    ({"input": {"messages": [USER]}, "preferred_output": [BOT], "non_preferred_output": [WORSE]}, PREFERENCE),
    (
        {"prompt": "Hi", "completion": "Hello", "label": True},
        Labelled(prompt=(HI,), completion="Hello", label=True),
    ),
    (
        {"prompt": [USER], "completion": [WORSE], "label": False},
        Labelled(prompt=(HI,), completion="Go away", label=False),
    ),
    ({"text": "Classified.", "label": 3, "id": "x"}, Text(text="Classified.")),
    ({"prompt": None, "messages": None, "text": "The rest is null."}, Text(text="The rest is null.")),
]


def jsonl(folder: Path, *rows: object, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(
        b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)
    )
    return path


def problems_of(path: Path, **options: Any) -> list[str]:
    """What is wrong with a file, without the folder's name."""
    with pytest.raises(BadData) as raised:
        list(read([path], **options))
    for problem in raised.value.problems.told:
        assert str(problem) in raised.value.message
    return [str(one).removeprefix(f"{path.parent}/") for one in raised.value.problems.told]


@pytest.mark.parametrize(("row", "record"), FORMS)
@pytest.mark.parametrize("compressed", [False, True])
def test_json_lines_are_read_in_each_form(
    tmp_path: Path, row: dict[str, Any], record: Record, compressed: bool
) -> None:
    path = jsonl(tmp_path, row)
    if compressed:
        plain, path = path, tmp_path / "data.jsonl.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))

    (found,) = read([path])

    assert (found.record, found.place) == (record, Place(str(path), 1))


# A content that is a list here and text there has no type in Parquet.
@pytest.mark.parametrize(("row", "record"), [form for form in FORMS if "developer" not in str(form[0])])
def test_parquet_is_read_in_each_form(tmp_path: Path, row: dict[str, Any], record: Record) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.Table.from_pylist([row, row]), path)

    found = list(read([path]))

    assert [(row.record, row.place.line) for row in found] == [(record, 1), (record, 2)]


def test_rows_of_many_row_groups_are_numbered_through(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"text": [f"text {at}" for at in range(1000)]}), path, row_group_size=300)

    found = list(read([path]))

    assert [row.record for row in found] == [Text(text=f"text {at}") for at in range(1000)]
    assert [row.place.line for row in found] == list(range(1, 1001))


def test_a_text_file_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "essay.md"
    path.write_bytes(b"\xef\xbb\xbf# \xc3\x89t\xc3\xa9\n\nWarm.\n")

    (found,) = read([path])

    assert (found.record, str(found.place)) == (Text(text="# Été\n\nWarm.\n"), str(path))


def test_a_folder_is_all_its_data_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "z.txt").write_text("first")
    (tmp_path / "b.md").write_text("second")
    (tmp_path / "picture.png").write_bytes(b"no data")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "c.md").write_text("hidden")

    assert [row.record for row in read([tmp_path])] == [Text(text="first"), Text(text="second")]


def test_what_describes_the_rows_of_a_folder_is_no_data(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("How these rows were made.")
    jsonl(tmp_path, {"text": "second"}, name="b.jsonl")
    pq.write_table(pa.table({"text": ["first"]}), tmp_path / "a.parquet")

    assert [row.record for row in read([tmp_path])] == [Text(text="first"), Text(text="second")]


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    path = jsonl(tmp_path, b'\xef\xbb\xbf{"text": "one"}\r\n', b"\n", b'{"text": "two"}')

    assert [(row.record, row.place.line) for row in read([path])] == [
        (Text(text="one"), 1),
        (Text(text="two"), 3),
    ]


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        (
            b'{"text": "one",}\n',
            ["data.jsonl:1: is not JSON: JSON is malformed: trailing comma in object (byte 15)"],
        ),
        (b'{"text": "\xff"}\n', ["data.jsonl:1: is not UTF-8: byte 0xff at 10; save the file as UTF-8"]),
        (b"[" * 5000, ["data.jsonl:1: is not JSON: maximum recursion depth exceeded"]),
        (
            b'{"text": "a\\ud800b"}\n',
            ["data.jsonl:1: has half of a surrogate pair, \\ud800, which is no character; take it out"],
        ),
        ({"text": "a\0b"}, ["data.jsonl:1: text has a NUL character at 1; take it out"]),
        ({"text": "  \n"}, ["data.jsonl:1: text is empty"]),
        ({"text": 7}, ["data.jsonl:1: text is a number; it is text"]),
        ([USER, BOT], ["data.jsonl:1: is a list; a row is an object with fields: messages;"]),
        ({"conversations": []}, ["data.jsonl:1: has conversations; a row has messages;"]),
        ({"messages": []}, ["data.jsonl:1: messages has no message"]),
        (
            {"messages": "Hi"},
            ["data.jsonl:1: messages is text; it is a list of messages with role and content"],
        ),
        (
            {"messages": [USER]},
            ["data.jsonl:1: messages[0].role is 'user'; the last message is the assistant's"],
        ),
        (
            {"messages": [{"role": "usr", "content": "Hi"}, {"content": None}, "Bye"]},
            [
                "data.jsonl:1: messages[0].role is 'usr'; use system, user, assistant or tool",
                "data.jsonl:1: messages[1].role is missing; use system, user, assistant or tool",
                "data.jsonl:1: messages[1].content is missing",
                "data.jsonl:1: messages[2] is text; a message has role and content",
            ],
        ),
        (
            {"messages": [BOT]},
            ["data.jsonl:1: messages[0].role is 'assistant'; the user's message comes before it"],
        ),
        (
            {"messages": [USER, {"role": "system", "content": "Be brief."}, BOT]},
            ["data.jsonl:1: messages[1].role is 'system'; only the first message can be"],
        ),
        (
            {"messages": [USER, {"role": "tool", "content": "4"}, BOT]},
            ["data.jsonl:1: messages[1].role is 'tool'; the assistant's message comes before it"],
        ),
        (
            {"messages": [USER, BOT | {"weight": 0, "tool_calls": [{}]}], "tools": [{}]},
            [
                "data.jsonl:1: tools is not read; write the tools into the system message",
                "data.jsonl:1: messages[1].tool_calls is not read; write the call into content",
                "data.jsonl:1: messages[1].weight is 0, and every assistant message is learned; take the row out",
            ],
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, BOT]},
            ["data.jsonl:1: messages[0].content is a list; it is text"],
        ),
        ({"prompt": "Hi"}, ["data.jsonl:1: completion is missing"]),
        (
            {"prompt": [USER, BOT], "completion": "Hello"},
            ["data.jsonl:1: prompt[1].role is 'assistant'; a prompt ends before the assistant's message"],
        ),
        ({"prompt": "Hi", "chosen": "Hello"}, ["data.jsonl:1: rejected is missing"]),
        (
            {"prompt": "Hi", "chosen": "Hello", "rejected": "Hello"},
            ["data.jsonl:1: rejected is the same as chosen: neither is preferred"],
        ),
        ({"chosen": "Hello", "rejected": "Go away"}, ["data.jsonl:1: prompt is missing"]),
        (
            {"prompt": "Bye", "chosen": [USER, BOT], "rejected": [WORSE]},
            ["data.jsonl:1: chosen begins with other messages than prompt"],
        ),
        (
            {"prompt": "Hi", "chosen": [USER], "rejected": "Go away"},
            ["data.jsonl:1: chosen[0].role is 'user'; the answer is the assistant's"],
        ),
        (
            {"input": [USER], "preferred_output": [BOT], "non_preferred_output": [WORSE]},
            ["data.jsonl:1: input.messages is missing"],
        ),
        (
            {"prompt": "Hi", "completion": "Hello", "label": "yes"},
            ["data.jsonl:1: label is 'yes'; use true for a good answer or false for a bad one"],
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_all_that_is_wrong(
    tmp_path: Path, row: object, problems: list[str]
) -> None:
    found = problems_of(jsonl(tmp_path, row))

    assert len(found) == len(problems)
    for one, expected in zip(found, problems, strict=True):
        assert one.startswith(expected)


def test_the_problems_of_all_files_are_told_together(tmp_path: Path) -> None:
    first = jsonl(tmp_path, {"text": "good"}, {"text": ""}, name="a.jsonl")
    second = jsonl(tmp_path, {"text": 1}, name="b.jsonl")

    with pytest.raises(BadData) as raised:
        list(read([first, second]))

    assert raised.value.message == (
        f"2 problems in the data:\n  {first}:2: text is empty\n  {second}:1: text is a number; it is text"
    )
    assert raised.value.param == "text"


def test_after_a_row_that_cannot_be_read_nothing_more_is_worked_on(tmp_path: Path) -> None:
    rows = read([jsonl(tmp_path, {"text": "good"}, {"text": ""}, {"text": "good as well"}, {"text": 1})])

    assert next(rows).record == Text(text="good")
    with pytest.raises(BadData, match="2 problems"):
        next(rows)


def test_a_file_full_of_problems_is_given_up_after_twenty(tmp_path: Path) -> None:
    path = jsonl(tmp_path, *[{"text": ""}] * 21, b"never reached")

    with pytest.raises(BadData, match="At least 20 problems in the data") as raised:
        list(read([path]))

    assert [problem.place.line for problem in raised.value.problems.told] == list(range(1, 21))


def test_bad_rows_can_be_skipped_and_are_counted(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"text": "one"}, *[{"text": ""}] * 30, {"text": "two"})
    problems = Problems()

    found = [row.record for row in read([path], bad_rows="skip", problems=problems)]

    assert found == [Text(text="one"), Text(text="two")]
    assert (problems.rows, problems.count, len(problems.told)) == (30, 30, 20)


def test_skipping_every_row_is_refused(tmp_path: Path) -> None:
    assert problems_of(jsonl(tmp_path, {"text": ""}), bad_rows="skip") == ["data.jsonl:1: text is empty"]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"text": "x" * 3_000_000}, {"text": ""})

    assert problems_of(path, longest=1000) == [
        "data.jsonl:1: has more than 1,000 bytes, the longest that is read; split it into shorter ones",
        "data.jsonl:2: text is empty",
    ]


def test_a_line_of_just_the_longest_length_is_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"text": "x"}, {"text": "y"})
    longest = len('{"text": "x"}')

    assert len(list(read([path], longest=longest))) == 2
    assert len(problems_of(path, longest=longest - 1)) == 2


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", b"", "a.jsonl: is empty"),
        ("a.jsonl", b"\n \n", "a.jsonl: is empty"),
        ("a.txt", b"", "a.txt: is empty"),
        ("a.txt", b" \n", "a.txt: text is empty"),
        ("a.txt", b"one\ntwo\xff", "a.txt:2: is not UTF-8: byte 0xff at 7; save the file as UTF-8"),
        (
            "a.jsonl.gz",
            b'{"text": "no gzip"}',
            "a.jsonl.gz:1: is cut short or not gzip: Not a gzipped file (b'{\"",
        ),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"text": ""}\n' * 2, mtime=0)[:-9],
            "a.jsonl.gz:3: is cut short or not gzip",
        ),
        ("a.parquet", b"no parquet", "a.parquet: is not Parquet, or damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    assert problems_of(path)[-1].startswith(problem)


def test_parquet_says_its_row_and_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    text = pa.array([b"one", b"\xff", b"three", b""]).view(pa.string())
    pq.write_table(pa.table({"text": text}), path)
    assert problems_of(path) == [
        "data.parquet:2: is not UTF-8: byte 0xff at 0; save the file as UTF-8",
        "data.parquet:4: text is empty",
    ]
    pq.write_table(pa.table({"text": ["short", "x" * 5000]}), path)
    assert problems_of(path, longest=1000)[0].startswith("data.parquet:2: has more than 1,000 bytes")
    pq.write_table(pa.table({"question": ["one"]}), path)
    assert problems_of(path)[0].startswith("data.parquet: has question; a row has messages;")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    assert problems_of(path) == ["data.parquet: is empty"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.jsonl", "There is no file"),
        ("data.json", "jq -c '.\\[\\]' makes lines of a JSON list"),
        ("empty", "has no data"),
    ],
)
def test_what_is_no_data_is_refused_before_anything_is_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "data.json").write_text("[]")
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidRequest, match=message):
        read([tmp_path / name])


TEXTS: list[tuple[object, list[str]]] = [
    ({"text": "one", "messages": [{"content": "two"}], "prompt": "not this"}, ["one", "two"]),
    ({"messages": [BOT, USER, {"role": "assistant", "content": ""}]}, ["Hello", "Hi"]),
    ({"messages": [{"content": [{"text": "2"}, {"text": "+2?"}]}], "tools": [{}]}, ["2+2?"]),
    ({"prompt": "Hi"}, ["Hi"]),
    ({"prompt": [USER], "chosen": [BOT], "rejected": "Go away"}, ["Hi", "Hello", "Go away"]),
    (
        {"input": {"messages": [USER]}, "preferred_output": [BOT], "non_preferred_output": [WORSE]},
        ["Hi", "Hello", "Go away"],
    ),
    ({"text": ""}, []),
    ({"text": " a\0b\r\n"}, [" a\0b\r\n"]),
]


@pytest.mark.parametrize(("row", "texts"), TEXTS)
def test_texts_are_read_of_every_form_whoever_says_them(
    tmp_path: Path, row: object, texts: list[str]
) -> None:
    compressed = tmp_path / "rows.jsonl.gz"
    compressed.write_bytes(gzip.compress(jsonl(tmp_path, row).read_bytes()))

    assert list(read_texts([tmp_path])) == texts * 2


def test_texts_are_read_of_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["one", None, "two"], "label": [1, 2, 3]}), tmp_path / "a.parquet")
    with pytest.raises(BadData, match=r"a\.parquet:2: has label; a row has"):
        list(read_texts([tmp_path]))
    pq.write_table(pa.table({"text": ["one", "", "two"], "label": [1, 2, 3]}), tmp_path / "a.parquet")
    assert list(read_texts([tmp_path])) == ["one", "two"]


@pytest.mark.parametrize("name", ["plain.txt", "program.py", "no-ending"])
def test_plain_text_of_any_size_and_name_comes_in_pieces_of_whole_lines(tmp_path: Path, name: str) -> None:
    lines = [f"{number}: Été\r\n" for number in range(200_000)]
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbf" + "".join(lines).encode())

    pieces = list(read_texts([path]))

    assert "".join(pieces) == "".join(lines)
    assert len(pieces) > 2
    assert all(piece.endswith("\n") and len(piece) < 1_100_000 for piece in pieces)


def test_a_file_without_text_is_no_mistake_among_texts(tmp_path: Path) -> None:
    files = [tmp_path / "none.txt", jsonl(tmp_path), jsonl(tmp_path, {"text": "one"}, name="b.jsonl")]
    files[0].touch()

    assert list(read_texts(files)) == ["one"]


def test_texts_that_cannot_be_read_are_told_with_their_lines(tmp_path: Path) -> None:
    rows = jsonl(tmp_path, {"text": 3}, {"messages": [{}]}, {"question": "?"}, b"{\n", b"[]")
    plain = tmp_path / "plain.log"
    plain.write_bytes(b"line\n" * 300_000 + b"\xff")

    with pytest.raises(BadData) as raised:
        list(read_texts([rows, plain, tmp_path / "nowhere.txt"]))

    told = raised.value.message.replace(f"{tmp_path}/", "").splitlines()[1:]
    assert told[:3] == [
        "  data.jsonl:1: text is a number; it is text",
        "  data.jsonl:2: messages[0].content is missing",
        "  data.jsonl:3: has question; a row has messages; prompt and completion; prompt, completion and label; "
        "prompt, chosen and rejected; or text",
    ]
    assert told[3].startswith("  data.jsonl:4: is not JSON")
    assert told[4].startswith("  data.jsonl:5: is a list; a row is an object")
    assert told[5].startswith("  plain.log:300001: is not UTF-8: byte 0xff")
    assert told[6:] == ["  nowhere.txt: cannot be read: No such file or directory"]
