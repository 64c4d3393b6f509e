"""A person's browser as a test is one: signed in, sending messages, following replies."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.server import Server


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of a reply's log, as it came over the wire."""

    seq: int
    name: str
    data: dict[str, Any]


class Browser:
    """Whoever is signed in at one server."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def start(self, content: str) -> dict[str, Any]:
        """Begin a conversation; the turn."""
        answer = self._client.post("/api/conversations", json={"content": content})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def reply(self, turn: dict[str, Any]) -> dict[str, Any]:
        """The reply of a turn as it is now."""
        answer = self._client.get(f"/api/conversations/{turn['conversation']['id']}")
        (message,) = (item for item in answer.json()["messages"] if item["id"] == turn["messages"][-1]["id"])
        return message

    def follow(self, turn: dict[str, Any], after: int = 0) -> Generator[Heard]:
        """The reply's events after ``after``, until the connection ends."""
        path = f"/api/generations/{turn['generation']['id']}/events"
        with self._client.stream("GET", path, headers={"last-event-id": str(after)}) as answer:
            assert answer.status_code == 200
            seq, name = 0, ""
            for line in answer.iter_lines():
                kind, _, value = line.partition(": ")
                if kind == "id":
                    seq = int(value)
                elif kind == "event":
                    name = value
                elif kind == "data":
                    yield Heard(seq, name, json.loads(value))

    def stop(self, turn: dict[str, Any]) -> dict[str, Any]:
        """Stop the reply of a turn."""
        return self._client.post(f"/api/generations/{turn['generation']['id']}/stop").json()


@contextmanager
def signed_in(server: Server) -> Generator[Browser]:
    """The owner's browser, at a server that runs."""
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        answer = client.post(
            "/api/session", json={"email": server.owner_email, "password": server.owner_password}
        )
        assert answer.status_code == 201, answer.text
        yield Browser(client)


def text_of(heard: list[Heard]) -> str:
    return "".join(event.data["text"] for event in heard if event.name == "delta")


def assert_whole(heard: list[Heard]) -> None:
    """Every event once, in order, up to the end."""
    assert [event.seq for event in heard] == list(range(1, len(heard) + 1))
    assert [event.name for event in heard].count("end") == 1
    assert heard[-1].name == "end"
