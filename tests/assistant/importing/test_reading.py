"""What archives of other houses say, in our words; and what damaged or hostile ones do not do."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from causette.assistant.importing import archives
from causette.assistant.importing.archives import Archive
from causette.assistant.importing.json_items import Malformed, elements
from causette.assistant.importing.reading import account_of, count, read, source_of
from causette.assistant.importing.types import (
    Contents,
    ImportedConversation,
    ImportedInstructions,
    ImportedMemory,
    ImportedProject,
    ImportedRating,
    Item,
    Trouble,
)
from causette.assistant.memory.sayings import LONGEST
from causette.errors import InvalidRequest
from tests.assistant.importing import samples
from tests.assistant.importing.samples import file_of, zipped


def items_of(folder: Path, content: bytes, name: str = "archive.zip") -> list[Item]:
    archive = Archive(file_of(folder, content, name), name)
    try:
        return list(read(archive, source_of(archive)))
    finally:
        archive.close()


def conversations(items: list[Item]) -> dict[str, ImportedConversation]:
    return {item.id: item for item in items if isinstance(item, ImportedConversation)}


def troubles(items: list[Item]) -> list[Trouble]:
    return [item for item in items if isinstance(item, Trouble)]


def shape(conversation: ImportedConversation) -> list[tuple[str | None, str, str]]:
    return [(node.parent_id, node.role, node.content) for node in conversation.messages]


def test_chatgpts_branches_come_along_without_what_was_hidden(tmp_path: Path) -> None:
    items = items_of(tmp_path, samples.chatgpt())
    found = conversations(items)["6f1e-branches"]
    assert shape(found) == [
        (None, "user", "Onion soup?"),
        ("q1", "assistant", "Take onions."),
        ("q1", "assistant", "Take eight onions."),
        (None, "user", "Leek soup?"),
        ("q2", "assistant", "Take leeks."),
    ]
    assert [node.model for node in found.messages] == [None, "gpt-4", "gpt-4o", None, "gpt-4o"]
    assert (found.title, found.current_id, found.pinned) == ("Soupe à l’oignon", "a3", True)
    assert found.project == "ChatGPT 6780aa11"
    assert found.created_at is not None and found.created_at.timestamp() == samples.BEGAN
    (told,) = [item for item in items if isinstance(item, ImportedInstructions)]
    assert (told.about, told.answers) == ("I cook for four.", "Metric units.")


def test_a_turn_of_many_nodes_is_one_reply_with_its_thinking_and_steps(tmp_path: Path) -> None:
    found = conversations(items_of(tmp_path, samples.chatgpt()))["6f1e-turn"]
    question, reply, voice = found.messages
    assert (question.content, voice.content) == ("At what heat?", "Thank you!")
    assert (found.archived, found.current_id) == (True, "t-voice")
    (pan,) = question.files
    assert (pan.name, pan.entry, pan.picture) == ("pan.png", "file-Abc123-pan.png", True)
    assert (reply.id, reply.parent_id, reply.model) == ("t-a", "t-q", "o3")
    assert reply.content == (
        "Onions brown at 140 °C ([example.org](https://example.org/maillard)), "
        "or so ([Heat](https://example.org/heat))."
    )
    assert reply.parts is not None
    thinking, step = reply.parts
    assert (thinking["type"], thinking["text"], thinking["seconds"]) == (
        "thinking",
        "**Looking at the pan**\n\nIt is an onion.",
        7.0,
    )
    assert (step["type"], step["name"], step["summary"]) == ("tool", "python", "284.0")
    assert step["arguments"] == {"code": "print(140 * 9 / 5 + 32)"}


def test_newer_exports_of_chatgpt_are_read_part_by_part(tmp_path: Path) -> None:
    items = items_of(tmp_path, samples.chatgpt_in_parts())
    found = conversations(items)
    assert list(found) == ["6f1e-branches", "6f1e-turn"]
    assert found["6f1e-turn"].place == "export/conversations-001.json, conversation 1 (byte 1)"


def test_what_has_nothing_to_show_is_said_with_its_place(tmp_path: Path) -> None:
    places = {trouble.place: trouble.reason for trouble in troubles(items_of(tmp_path, samples.chatgpt()))}
    hidden = [place for place in places if "conversation 3" in place]
    assert [places[place] for place in hidden] == ["it has no message to show"]
    assert "shared_conversations.json" in places


def test_claudes_tree_artifacts_and_attachments_come_along(tmp_path: Path) -> None:
    items = items_of(tmp_path, samples.claude())
    found = conversations(items)["c1a0-tree"]
    assert [(node.id, node.parent_id) for node in found.messages] == [
        ("m1", None),
        ("m2", "m1"),
        ("m3", "m2"),
        ("m4", "m3"),
        ("m5", "m3"),
    ]
    question, drawn, _, changed, _ = found.messages
    assert question.content == "Draw a pendulum"
    notes, photo, lost = question.files
    assert (notes.name, (notes.content or b"").decode()) == ("notes.txt", "T = 2π√l/g")
    assert (photo.name, photo.entry, photo.picture) == ("photo.jpg", "files/photo.jpg", True)
    assert lost.missing
    assert drawn.content == "Here it is.\n\n**Pendulum**\n\n```svg\n<svg><line/></svg>\n```"
    assert drawn.parts is not None
    assert (drawn.parts[0]["text"], drawn.parts[0]["seconds"]) == ("SVG is best.", 3.0)
    assert changed.content == "```svg\n<svg><line/><circle/></svg>\n```\n\nIt has one now."
    assert changed.parts is not None
    assert (changed.parts[0]["name"], changed.parts[0]["summary"]) == ("web_search", "A bob is a weight.")
    assert (found.current_id, found.project) == ("m4", "Physics")
    assert [(trouble.place.partition(" (")[0], trouble.reason) for trouble in troubles(items)] == [
        ("memories.json", "what is remembered of the project p1 alone is left out"),
        ("conversations.json, conversation 1", "the file lost.jpg is not in the archive"),
    ]


def test_claudes_projects_and_memories_come_along(tmp_path: Path) -> None:
    items = items_of(tmp_path, samples.claude())
    (project,) = [item for item in items if isinstance(item, ImportedProject)]
    assert (project.name, project.instructions) == ("Physics", "Use SI units.")
    assert [(file.name, file.content) for file in project.files] == [("si.md", b"# SI")]
    told = [item.text for item in items if isinstance(item, ImportedMemory)]
    assert (told[0][:44], told[-1]) == (
        "Ada likes physics. She builds pendulums of b",
        "Her password is swordfish.",
    )
    assert len(told) == 3
    assert max(map(len, told)) <= LONGEST


def test_chatgpts_files_are_found_by_their_ids_and_ratings_by_their_replies(tmp_path: Path) -> None:
    items = items_of(tmp_path, samples.chatgpt_with_files())
    found = conversations(items)["6f1e-files"]
    question, reply, again = found.messages
    assert [(file.name, file.entry, file.picture) for file in question.files] == [
        ("garden.png", "user-1/file_0000000012ab-6f0c.png", True),
        ("plan.md", "file-Plan77-plan.md", False),
        ("lost.pdf", None, False),
    ]
    assert [(file.name, file.entry) for file in reply.files] == [
        ("0b1c.webp", "dalle-generations/file-Rose11-0b1c.webp"),
        ("image.png", "file-Plot22-image.png"),
    ]
    assert (again.content, [file.name for file in again.files]) == ("", ["garden.png"])
    assert reply.rating == ImportedRating(rating="down", comment="This isn't true\nThey are peonies.")
    assert [trouble.reason for trouble in troubles(items)] == [
        "the file lost.pdf is not in the archive",
        "a rating is of the message f-q, which is no reply here",
    ]


def test_claudes_older_exports_are_one_branch(tmp_path: Path) -> None:
    found = conversations(items_of(tmp_path, samples.claude()))["c1a0-line"]
    assert shape(found) == [
        (None, "user", "Hello Claude"),
        ("l1", "assistant", "Hello."),
        ("l2", "user", "Bye"),
    ]


def test_open_webuis_chats_come_along_with_their_thinking(tmp_path: Path) -> None:
    found = conversations(items_of(tmp_path, samples.open_webui(), "chats.json"))["ow-1"]
    assert shape(found) == [
        (None, "user", "2 + 2?"),
        ("w1", "assistant", "Four."),
        ("w1", "assistant", "Five."),
    ]
    assert found.messages[1].parts is not None
    assert (found.messages[1].parts[0]["text"], found.messages[1].parts[0]["seconds"]) == (
        "Two and two.",
        3.0,
    )
    assert (found.current_id, found.pinned) == ("w2", True)
    question, _, plotted = found.messages
    assert [(file.name, file.content, file.picture) for file in question.files] == [
        ("picture.png", b"\x89PNG\r\n\x1a\n", True),
        ("sums.pdf.txt", b"2 + 2 = 4", False),
        ("c3", None, True),
    ]
    assert [file.name for file in plotted.files] == ["picture.png"]
    assert [node.model for node in found.messages] == [None, "llama3:8b", "phi3"]


def test_an_archive_is_counted_and_says_whose_it_was(tmp_path: Path) -> None:
    archive = Archive(file_of(tmp_path, samples.chatgpt()), "archive.zip")
    contents = Contents(source=source_of(archive), account=account_of(archive, "chatgpt"))
    for item in read(archive, contents.source):
        count(contents, item)
    archive.close()
    assert (contents.account, contents.conversations, contents.messages) == ("ada@example.org", 2, 8)
    assert (contents.instructions, contents.pictures, contents.trouble_count) == (True, 1, 2)


def broken(content: bytes) -> bytes:
    """The archive with its conversations changed."""
    return zipped({"conversations.json": content})


GOOD = json.dumps(samples.gpt_branches()).encode()


@pytest.mark.parametrize(
    ("content", "imported", "place", "reason"),
    [
        (b"[" + GOOD + b', {"mapping": 7}, ' + GOOD + b"]", 2, "conversation 2 (byte", "Expected `object`"),
        (b"[" + GOOD + b", " + GOOD[:-50], 1, "conversations.json", "it ends within element 2"),
        (b"[" + GOOD + b", 12]", 1, "conversations.json", "something other than an object is at byte"),
        (b"[" + GOOD + b', {"mapping": {"x": }}]', 1, "conversation 2", "JSON is malformed"),
        (
            b"[" + GOOD + b', {"mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}, "id": "x"}]',
            1,
            "conversation 2",
            "it has no message to show",
        ),
        (b"[" + GOOD + b", " + b'{"mapping": ' + b"[" * 200_000 + b"]" * 200_000 + b"}]", 1, "conv", ""),
    ],
)
def test_what_can_be_imported_is_and_the_rest_is_named(
    tmp_path: Path, content: bytes, imported: int, place: str, reason: str
) -> None:
    items = items_of(tmp_path, broken(content))
    assert sum(isinstance(item, ImportedConversation) for item in items) == imported
    (trouble,) = troubles(items)
    assert place in trouble.place
    assert reason in trouble.reason


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "a.zip"),
        (b"hello", "a.txt"),
        (b"[]", "a.json"),
        (b'{"a": 1}', "a.json"),
        (b"[1, 2]", "a.json"),
        (b'[{"some": "thing"}]', "a.json"),
        (zipped({"photo.jpg": b"x"}), "a.zip"),
        (zipped({"conversations.json": b"{}"}), "a.zip"),
        (samples.chatgpt()[:-40], "a.zip"),
        (b"PK\x05\x06" + b"\xff" * 18, "a.zip"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        items_of(tmp_path, content, name)
    assert caught.value.code == "unreadable_archive"


def test_a_damaged_entry_is_trouble_and_no_crash(tmp_path: Path) -> None:
    raw = bytearray(zipped({"conversations.json": b"[" + GOOD + b"," * 50_000 + b"]" + b" " * 100_000}))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        begin = archive.getinfo("conversations.json").header_offset
    raw[begin + 200] ^= 0xFF
    try:
        items = items_of(tmp_path, bytes(raw))
    except InvalidRequest:
        return
    assert troubles(items)


def test_names_that_lead_elsewhere_and_locked_entries_are_passed_over(tmp_path: Path) -> None:
    evil = zipped(
        {
            "../conversations.json": [samples.gpt_turn()],
            "/etc/user.json": {"email": "evil@example.org"},
            "..\\conversations-000.json": [samples.gpt_turn()],
            "conversations.json": [samples.gpt_branches()],
        }
    )
    assert list(conversations(items_of(tmp_path, evil))) == ["6f1e-branches"]
    archive = Archive(tmp_path / "archive.zip", "archive.zip")
    assert account_of(archive, "chatgpt") is None
    archive.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip"]


@pytest.mark.parametrize("what", ["dense", "long"])
def test_a_bomb_costs_no_more_than_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "long":
        monkeypatch.setattr(archives, "MOST_BYTES", 4 << 20)
    size = (40 if what == "dense" else 6) << 20
    bomb = broken(b"[" + GOOD + b"," + b" " * size + b"]")
    (trouble,) = troubles(items_of(tmp_path, bomb))
    assert "unpacks to" in trouble.reason


def pieces(content: bytes, size: int) -> Callable[[int], bytes]:
    stream = io.BytesIO(content)
    return lambda _: stream.read(size)


class Slow(io.BytesIO):
    """Gives a few bytes at a time."""

    def __init__(self, content: bytes, portion: int) -> None:
        super().__init__(content)
        self._portion = portion

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._portion)


@pytest.mark.parametrize("portion", [1, 2, 3, 7, 1 << 20])
def test_elements_are_the_same_however_their_bytes_come(portion: int) -> None:
    values = [{"a": 'b"}]\\'}, {"c": [{"d": "\\\\"}, '\\"']}, {}, {"é": "[{"}]
    text = json.dumps(values, ensure_ascii=False, indent=1).encode()
    found = list(elements(Slow(b"\xef\xbb\xbf" + text if portion > 2 else text, portion)))
    assert [json.loads(element.raw or b"") for element in found] == values
    assert [element.number for element in found] == [1, 2, 3, 4]
    for element in found:
        assert element.raw is not None
        assert text[element.offset :].startswith(element.raw)


def test_an_element_that_is_too_long_is_passed_over() -> None:
    text = json.dumps([{"a": 1}, {"b": "x" * 100}, {"c": 2}]).encode()
    found = list(elements(io.BytesIO(text), longest=50))
    assert [element.raw for element in found] == [b'{"a": 1}', None, b'{"c": 2}']
    with pytest.raises(Malformed, match="without the array's end"):
        list(elements(io.BytesIO(text[:-1])))
