"""Archives as other houses write them, with invented words: every kind of node that their formats have."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
BEGAN = 1_700_000_000.0


def zipped(entries: Mapping[str, object]) -> bytes:
    """A ZIP whose entries are JSON, unless they are bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return buffer.getvalue()


def file_of(folder: Path, content: bytes, name: str = "archive.zip") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# ChatGPT


def gpt_node(
    node_id: str,
    parent: str | None,
    role: str | None,
    content: dict[str, Any] | str = "",
    *,
    children: list[str] | None = None,
    at: float = 0,
    **more: Any,
) -> dict[str, Any]:
    """A node of a mapping; without a role it is the empty root."""
    if role is None:
        return {"id": node_id, "message": None, "parent": parent, "children": children or []}
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    metadata = more.pop("metadata", {})
    message = {
        "id": node_id,
        "author": {"role": role, "name": more.pop("name", None), "metadata": {}},
        "create_time": BEGAN + at if at else None,
        "update_time": None,
        "content": content,
        "status": "finished_successfully",
        "end_turn": True,
        "weight": 1.0,
        "metadata": metadata,
        "recipient": more.pop("recipient", "all"),
        "channel": None,
    }
    return {"id": node_id, "message": message, "parent": parent, "children": children or []}


def gpt_conversation(conversation_id: str, title: str, nodes: list[dict[str, Any]], **more: Any) -> Any:
    for node in nodes:
        node["children"] = [other["id"] for other in nodes if other["parent"] == node["id"]]
    return {
        "title": title,
        "create_time": BEGAN,
        "update_time": BEGAN + 100,
        "mapping": {node["id"]: node for node in nodes},
        "moderation_results": [],
        "current_node": nodes[-1]["id"],
        "plugin_ids": None,
        "conversation_id": conversation_id,
        "conversation_template_id": None,
        "gizmo_id": None,
        "is_archived": False,
        "is_starred": None,
        "safe_urls": [],
        "default_model_slug": "auto",
        "id": conversation_id,
        **more,
    }


def gpt_branches() -> Any:
    """A question edited once, its first version answered twice; custom instructions ride along."""
    return gpt_conversation(
        "6f1e-branches",
        "Soupe à l’oignon",
        [
            gpt_node("root", None, None),
            gpt_node(
                "context",
                "root",
                "user",
                {
                    "content_type": "user_editable_context",
                    "user_profile": "The user provided this:\n```I cook for four.```",
                    "user_instructions": "And this:\n```Metric units.```",
                },
                metadata={
                    "is_visually_hidden_from_conversation": True,
                    "user_context_message_data": {
                        "about_user_message": "I cook for four.",
                        "about_model_message": "Metric units.",
                    },
                },
            ),
            gpt_node("system", "context", "system", "You are ChatGPT."),
            gpt_node("q1", "system", "user", "Onion soup?", at=1),
            gpt_node("a1", "q1", "assistant", "Take onions.", at=2, metadata={"model_slug": "gpt-4"}),
            gpt_node("a2", "q1", "assistant", "Take eight onions.", at=3, metadata={"model_slug": "gpt-4o"}),
            gpt_node("q2", "system", "user", "Leek soup?", at=4),
            gpt_node("a3", "q2", "assistant", "Take leeks.", at=5, metadata={"model_slug": "gpt-4o"}),
        ],
        is_starred=True,
        gizmo_id="g-p-6780aa11bb22",
    )


def gpt_turn() -> Any:
    """One turn of many nodes: thoughts, Python, its output, a search, and a text with citations; then a voice."""
    cited = "Onions brown at 140 °C\ue200cite\ue202turn0search1\ue201, or so【4†source】."
    return gpt_conversation(
        "6f1e-turn",
        "Maillard",
        [
            gpt_node("t-root", None, None),
            gpt_node(
                "t-q",
                "t-root",
                "user",
                {
                    "content_type": "multimodal_text",
                    "parts": [
                        {
                            "content_type": "image_asset_pointer",
                            "asset_pointer": "file-service://file-Abc123",
                            "size_bytes": len(PNG),
                            "width": 1,
                            "height": 1,
                        },
                        "At what heat?",
                    ],
                },
                at=1,
                metadata={"attachments": [{"id": "file-Abc123", "name": "pan.png", "mimeType": "image/png"}]},
            ),
            gpt_node(
                "t-think",
                "t-q",
                "assistant",
                {
                    "content_type": "thoughts",
                    "thoughts": [{"summary": "Looking at the pan", "content": "It is an onion."}],
                    "source_analysis_msg_id": "x",
                },
                at=2,
                metadata={"finished_duration_sec": 7},
            ),
            gpt_node(
                "t-code",
                "t-think",
                "assistant",
                {"content_type": "code", "language": "python", "text": "print(140 * 9 / 5 + 32)"},
                at=3,
                recipient="python",
            ),
            gpt_node(
                "t-out",
                "t-code",
                "tool",
                {"content_type": "execution_output", "text": "284.0"},
                at=4,
                name="python",
            ),
            gpt_node("t-recap", "t-out", "assistant", {"content_type": "reasoning_recap", "content": "7 s"}),
            gpt_node(
                "t-a",
                "t-recap",
                "assistant",
                cited,
                at=5,
                metadata={
                    "model_slug": "o3",
                    "content_references": [
                        {
                            "matched_text": "\ue200cite\ue202turn0search1\ue201",
                            "type": "grouped_webpages",
                            "alt": " ([example.org](https://example.org/maillard))",
                        }
                    ],
                    "citations": [
                        {
                            "start_ix": 1,
                            "end_ix": 2,
                            "metadata": {
                                "type": "webpage",
                                "title": "Heat",
                                "url": "https://example.org/heat",
                            },
                        }
                    ],
                },
            ),
            gpt_node(
                "t-voice",
                "t-a",
                "user",
                {
                    "content_type": "multimodal_text",
                    "parts": [
                        {"content_type": "audio_transcription", "text": "Thank you!", "direction": "in"},
                        {"content_type": "audio_asset_pointer", "asset_pointer": "file-service://file-V"},
                    ],
                },
                at=6,
            ),
        ],
        is_archived=True,
    )


def gpt_hidden() -> Any:
    """Nothing of it was ever shown."""
    return gpt_conversation(
        "6f1e-hidden", "Hidden", [gpt_node("h", None, "system", "You are ChatGPT.", at=1)]
    )


def gpt_picture(pointer: str, **metadata: Any) -> dict[str, Any]:
    return {
        "content_type": "image_asset_pointer",
        "asset_pointer": pointer,
        "size_bytes": 1,
        "width": 1,
        "height": 1,
        "metadata": metadata or None,
    }


def gpt_files() -> Any:
    """Uploads of both kinds of id, one that the archive lacks, a picture alone, one that was drawn, and a plot."""
    return gpt_conversation(
        "6f1e-files",
        "A garden",
        [
            gpt_node(
                "f-q",
                None,
                "user",
                {
                    "content_type": "multimodal_text",
                    "parts": [gpt_picture("sediment://file_0000000012ab"), "What grows here?"],
                },
                at=1,
                metadata={
                    "attachments": [
                        {"id": "file_0000000012ab", "name": "garden.png", "mime_type": "image/png"},
                        {"id": "file-Plan77", "name": "plan.md", "mimeType": "text/markdown"},
                        {"id": "file-Lost99", "name": "lost.pdf", "mimeType": "application/pdf"},
                    ]
                },
            ),
            gpt_node(
                "f-pages",
                "f-q",
                "tool",
                {
                    "content_type": "multimodal_text",
                    "parts": [gpt_picture("sediment://file_0000000012ab"), "p. 1"],
                },
                at=2,
                name="file_search",
            ),
            gpt_node(
                "f-draw",
                "f-pages",
                "assistant",
                {"content_type": "code", "language": "json", "text": '{"prompt": "a rose"}'},
                at=3,
                recipient="dalle.text2im",
            ),
            gpt_node(
                "f-drawn",
                "f-draw",
                "tool",
                {
                    "content_type": "multimodal_text",
                    "parts": [gpt_picture("file-service://file-Rose11", dalle={"prompt": "a rose"})],
                },
                at=4,
                name="dalle.text2im",
            ),
            gpt_node(
                "f-plotted",
                "f-drawn",
                "tool",
                {"content_type": "execution_output", "text": ""},
                at=5,
                name="python",
                metadata={
                    "aggregate_result": {
                        "messages": [{"message_type": "image", "image_url": "file-service://file-Plot22"}]
                    }
                },
            ),
            gpt_node("f-a", "f-plotted", "assistant", "Roses.", at=6, metadata={"model_slug": "gpt-4o"}),
            gpt_node(
                "f-again",
                "f-a",
                "user",
                {"content_type": "multimodal_text", "parts": [gpt_picture("file-service://file-Same33")]},
                at=7,
            ),
        ],
    )


def chatgpt_with_files(picture: bytes = PNG) -> bytes:
    return zipped(
        {
            "conversations.json": [gpt_files()],
            "message_feedback.json": [
                {
                    "message_id": "f-a",
                    "conversation_id": "6f1e-files",
                    "user_id": "user-1",
                    "rating": "thumbsDown",
                    "content": json.dumps({"tags": ["This isn't true"], "text": "They are peonies."}),
                },
                {
                    "id": "f-q",
                    "conversation_id": "6f1e-files",
                    "user_id": "user-1",
                    "rating": "thumbs_up",
                    "content": "{}",
                },
            ],
            "user-1/file_0000000012ab-6f0c.png": picture,
            "file-Plan77-plan.md": b"# Beds\n\nRoses by the wall.",
            "dalle-generations/file-Rose11-0b1c.webp": b"RIFF\0\0\0\0WEBPVP8 ",
            "file-Plot22-image.png": picture + b"plot",
            "file-Same33-garden.png": picture,
        }
    )


def chatgpt() -> bytes:
    return zipped(
        {
            "user.json": {"id": "user-1", "email": "ada@example.org", "chatgpt_plus_user": True},
            "conversations.json": [gpt_branches(), gpt_turn(), gpt_hidden()],
            "message_feedback.json": [],
            "shared_conversations.json": [{"id": "s", "conversation_id": "6f1e-turn", "title": "Maillard"}],
            "file-Abc123-pan.png": PNG,
            "chat.html": b"<html></html>",
        }
    )


def chatgpt_in_parts() -> bytes:
    """As newer exports are: conversations in numbered files, in a folder."""
    return zipped(
        {
            "export/conversations-001.json": [gpt_turn()],
            "export/conversations-000.json": [gpt_branches()],
        }
    )


# Claude

ROOT = "00000000-0000-4000-8000-000000000000"


def claude_message(uuid: str, sender: str, content: list[dict[str, Any]] | str, **more: Any) -> Any:
    blocks = [{"type": "text", "text": content, "citations": []}] if isinstance(content, str) else content
    return {
        "uuid": uuid,
        "text": "".join(block.get("text", "") for block in blocks),
        "content": blocks,
        "sender": sender,
        "created_at": more.pop("created_at", "2025-03-01T10:00:00.000000Z"),
        "updated_at": "2025-03-01T10:00:00.000000Z",
        "attachments": [],
        "files": [],
        **more,
    }


def claude() -> bytes:
    tree = {
        "uuid": "c1a0-tree",
        "name": "A pendulum",
        "summary": "",
        "created_at": "2025-03-01T10:00:00.000000Z",
        "updated_at": "2025-03-01T11:00:00.000000Z",
        "account": {"uuid": "acc"},
        "project": {"uuid": "p1", "name": "Physics"},
        "chat_messages": [
            claude_message(
                "m1",
                "human",
                "Draw a pendulum",
                parent_message_uuid=ROOT,
                attachments=[
                    {
                        "file_name": "notes.txt",
                        "file_size": 9,
                        "file_type": "txt",
                        "extracted_content": "T = 2π√l/g",
                    }
                ],
                files=[{"file_uuid": "8d0f", "file_name": "photo.jpg"}, {"file_name": "lost.jpg"}],
            ),
            claude_message(
                "m2",
                "assistant",
                [
                    {
                        "type": "thinking",
                        "thinking": "SVG is best.",
                        "start_timestamp": "2025-03-01T10:00:01Z",
                        "stop_timestamp": "2025-03-01T10:00:04Z",
                        "summaries": [],
                        "cut_off": False,
                    },
                    {"type": "text", "text": "Here it is.", "citations": []},
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "artifacts",
                        "input": {
                            "id": "pendulum",
                            "type": "image/svg+xml",
                            "title": "Pendulum",
                            "command": "create",
                            "content": "<svg><line/></svg>",
                        },
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_1", "name": "artifacts", "content": "OK"},
                ],
                parent_message_uuid="m1",
            ),
            claude_message("m3", "human", "With a bob", parent_message_uuid="m2"),
            claude_message(
                "m4",
                "assistant",
                [
                    {
                        "type": "tool_use",
                        "id": "toolu_2",
                        "name": "artifacts",
                        "input": {
                            "id": "pendulum",
                            "command": "update",
                            "language": "svg",
                            "old_str": "<line/>",
                            "new_str": "<line/><circle/>",
                        },
                    },
                    {"type": "tool_use", "id": "toolu_3", "name": "web_search", "input": {"query": "bob"}},
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_3",
                        "name": "web_search",
                        "content": [{"type": "text", "text": "A bob is a weight."}],
                        "is_error": False,
                    },
                    {"type": "text", "text": "It has one now.", "citations": []},
                ],
                parent_message_uuid="m3",
            ),
            claude_message("m5", "assistant", "I cannot.", parent_message_uuid="m3"),
        ],
        "current_leaf_message_uuid": "m4",
    }
    old = {
        "uuid": "c1a0-line",
        "name": "",
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "chat_messages": [
            {
                "uuid": f"l{number}",
                "sender": sender,
                "text": text,
                "created_at": f"2024-01-01T00:00:0{number}Z",
                "attachments": [],
                "files": [],
            }
            for number, (sender, text) in enumerate(
                [("human", "Hello Claude"), ("assistant", "Hello."), ("human", "Bye")], 1
            )
        ],
    }
    return zipped(
        {
            "users.json": [{"uuid": "acc", "full_name": "Ada", "email_address": "ada@example.org"}],
            "projects.json": [
                {
                    "uuid": "p1",
                    "name": "Physics",
                    "description": "",
                    "prompt_template": "Use SI units.",
                    "docs": [{"uuid": "d", "filename": "si.md", "content": "# SI"}],
                }
            ],
            "memories.json": [
                {
                    "conversations_memory": "**Work context**\n\nAda likes physics. "
                    + "She builds pendulums of brass and of steel. " * 10
                    + "Her sister sings tenor in a choir near Lyon. " * 5
                    + "\n\n- Her password is swordfish.",
                    "project_memories": {"p1": "Uses SI units."},
                    "account_uuid": "acc",
                }
            ],
            "files/photo.jpg": b"\xff\xd8\xff\xe0 a photo",
            "conversations.json": [tree, old],
        }
    )


# Open WebUI


def open_webui() -> bytes:
    thinking = (
        '<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds</summary>\n'
        "&gt; Two and two.\n</details>\nFour."
    )
    messages: dict[str, Any] = {
        "w1": {
            "id": "w1",
            "parentId": None,
            "childrenIds": ["w2", "w3"],
            "role": "user",
            "content": "2 + 2?",
            "timestamp": 1_710_000_000,
            "models": ["llama3:8b"],
            "files": [
                {"type": "image", "url": "data:image/png;base64,iVBORw0KGgo="},
                {
                    "type": "file",
                    "id": "b1",
                    "name": "sums.pdf",
                    "url": "b1",
                    "file": {"id": "b1", "filename": "sums.pdf", "data": {"content": "2 + 2 = 4"}},
                },
                {"type": "image", "url": "/api/v1/files/c3/content"},
                {"type": "collection", "name": "Mathematics"},
            ],
        },
        "w2": {
            "id": "w2",
            "parentId": "w1",
            "childrenIds": [],
            "role": "assistant",
            "content": thinking,
            "model": "llama3:8b",
            "modelName": "Llama 3",
            "timestamp": 1_710_000_005,
            "done": True,
        },
        "w3": {
            "id": "w3",
            "parentId": "w1",
            "childrenIds": [],
            "role": "assistant",
            "content": "Five. ![plot](data:image/png;base64,iVBORw0KGgo=)",
            "model": "phi3",
            "timestamp": 1_710_000_006,
        },
    }
    chat = {
        "id": "ow-1",
        "user_id": "u",
        "title": "Sums",
        "chat": {
            "title": "Sums",
            "models": ["llama3:8b"],
            "history": {"messages": messages, "currentId": "w2"},
            "messages": [],
            "tags": [],
            "timestamp": 1_710_000_000_000,
        },
        "updated_at": 1_710_000_010,
        "created_at": 1_710_000_000,
        "share_id": None,
        "archived": False,
        "pinned": True,
        "meta": {},
        "folder_id": None,
    }
    return json.dumps([chat]).encode()
