"""BFCL's function calls: fetched by their hashes, all held out, judged by the values that the data allows."""

import asyncio
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from causette.errors import ConfigurationError
from causette.lab.tasks import find_task
from causette.lab.tasks.bfcl import CATEGORIES, find_bfcl
from causette.lab.tasks.bfcl.sets import BFCL, CARD
from causette.lab.tasks.prompt_sets import PromptSets
from causette.lab.tasks.types import Problem, Task
from causette.models import Catalogue, ModelFile, Models
from causette.models.types import PullFailed
from tests.lab.listening import Listener
from tests.models.conftest import Shelf, Site, card, sha256, shelf, site, wheel

__all__ = ["shelf", "site"]

BOOK: dict[str, Any] = {
    "name": "hotel.book",
    "description": "Book a room.",
    "parameters": {
        "type": "dict",
        "properties": {
            "city": {"type": "string"},
            "nights": {"type": "integer"},
            "price": {"type": "float"},
            "breakfast": {"type": "boolean"},
            "guests": {"type": "array", "items": {"type": "string"}},
            "room": {"type": "dict", "properties": {"type": {"type": "string"}, "beds": {"type": "integer"}}},
            "pairs": {"type": "tuple"},
            "extras": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city", "nights"],
    },
}
CALL: dict[str, Any] = {
    "city": ["New York", "NYC"],
    "nights": [3],
    "price": ["", 90.5],
    "breakfast": [True, ""],
    "guests": [["Ada", "Bob"], ""],
    "room": ["", {"type": ["double"], "beds": [2, ""]}],
    "pairs": ["", [[1, 2], [3]]],
    "extras": [],
}
LEAST: dict[str, Any] = {"city": "NYC", "nights": 3}


def row(number: int, asked: str, *, system: str = "") -> dict[str, Any]:
    turns = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": asked}]
    return {"id": f"row_{number}", "question": [turns], "function": [BOOK, {**BOOK, "name": "hotel.find"}]}


def answer(number: int, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"row_{number}", "ground_truth": [{"hotel.book": call} for call in calls]}


QUESTIONS = [row(1, "Three nights in NYC\u2028please", system="Be quick."), row(2, "Twice")]
ANSWERS = [
    answer(1, CALL),
    # Paris goes with the second only, and London with both.
    answer(2, {"city": ["London", "Paris"], "nights": [1]}, {"city": ["London"], "nights": [1]}),
]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in rows).encode()


FILES = {file.path: lines(ANSWERS if "answer" in file.path else QUESTIONS) for file in CARD.files}


def models_of(site: Site, shelf: Shelf, changed: str = "") -> Models:
    """Where the wheel can be had from; it has another ``changed`` than is asked for."""
    members = {f"bfcl_eval/data/{path}": content for path, content in FILES.items()}
    site.index_html("bfcl-eval", {"bfcl_eval-2026.3.23-py3-none-any.whl": wheel(members)})
    files = [
        ModelFile(
            path=file.path,
            sources=file.sources,
            sha256=sha256(FILES[file.path] + (b"!" if file.path == changed else b"")),
            size_bytes=len(FILES[file.path]),
        )
        for file in CARD.files
    ]
    return shelf(card(*files, name=BFCL))


async def test_questions_and_answers_come_out_of_one_wheel_and_are_held_out(
    site: Site, shelf: Shelf, tmp_path: Path
) -> None:
    models = models_of(site, shelf)
    for category in CATEGORIES:
        task = find_bfcl(category, tmp_path, PromptSets(models, BFCL))
        await asyncio.to_thread(task.fetch, Listener())
        assert task.name == f"bfcl:{category}"
        assert list(islice(task.problems("train", 0), 1)) == []
        assert sorted(each.id for each in task.problems("held_out", 0)) == ["row_1", "row_2"]
    assert len(site.asked("/files/bfcl_eval-2026.3.23-py3-none-any.whl")) == 1


async def test_a_wheel_with_other_answers_is_refused(site: Site, shelf: Shelf, tmp_path: Path) -> None:
    models = models_of(site, shelf, changed="possible_answer/BFCL_v4_parallel.json")
    task = find_bfcl("simple", tmp_path, PromptSets(models, BFCL))
    with pytest.raises(PullFailed, match="expected sha256"):
        await asyncio.to_thread(task.fetch, Listener())


class Shelved(PromptSets):
    """The same files without a fetch."""

    def __init__(self) -> None:
        super().__init__(Models(Path(), Catalogue([CARD])), BFCL)

    def text(self, path: str) -> str:
        return FILES[path].decode()


def put(category: str) -> tuple[Task, dict[str, Problem]]:
    task = find_bfcl(category, Path(), Shelved())
    return task, {each.id: each for each in task.problems("held_out", 0)}


def test_functions_are_offered_in_the_system_message_as_json_schema() -> None:
    _, problems = put("simple")
    system, user = problems["row_1"].prompt
    assert (system.role, user.role) == ("system", "user")
    assert user.content == "Three nights in NYC\u2028please"
    assert system.content.endswith("\n\nBe quick.")
    first, second = (
        json.loads(line) for line in system.content.splitlines() if line.startswith('{"name": "hotel')
    )
    assert (first["name"], second["name"]) == ("hotel.book", "hotel.find")
    parameters = first["parameters"]
    assert parameters["type"] == "object"
    kinds = {name: each["type"] for name, each in parameters["properties"].items()}
    assert kinds == {
        "city": "string",
        "nights": "integer",
        "price": "number",
        "breakfast": "boolean",
        "guests": "array",
        "room": "object",
        "pairs": "array",
        "extras": "array",
    }
    # An argument may be called so.
    assert parameters["properties"]["room"]["properties"]["type"] == {"type": "string"}


def call(name: str = "hotel.book", **arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments})


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (call(**LEAST), 1),
        (f"Gladly:\n```json\n{call(**LEAST)}\n```", 1),
        (call(city="new-york,", nights=3), 1),
        (call(city="NYC", nights=3.0), 1),
        (call(city="NYC", nights="3"), 0),
        (call(city="NYC", nights=True), 0),
        (call(city="NYC"), 0),
        (call(city="", nights=3), 0),
        (call(city="Paris", nights=3), 0),
        (call("hotel.find", **LEAST), 0),
        (call("hotel_book", **LEAST), 0),
        (call(**LEAST, country="US"), 0),
        (call(**LEAST, price=90.5, breakfast=True, guests=["ada", "BOB"]), 1),
        (call(**LEAST, price=90), 0),
        (call(**LEAST, breakfast="true"), 0),
        (call(**LEAST, breakfast=1), 0),
        (call(**LEAST, guests=["Bob", "Ada"]), 0),
        (call(**LEAST, guests=["Ada"]), 0),
        (call(**LEAST, guests="Ada"), 0),
        (call(**LEAST, room={"type": "double"}), 1),
        (call(**LEAST, room={"type": "double", "beds": 2}), 1),
        (call(**LEAST, room={"type": "double", "beds": 1}), 0),
        (call(**LEAST, room={"beds": 2}), 0),
        (call(**LEAST, room={"type": "double", "view": "sea"}), 0),
        (call(**LEAST, room=None), 0),
        (call(**LEAST, pairs=[[1, 2], [3]]), 1),
        (call(**LEAST, pairs=[[1, 2], [4]]), 0),
        (call(**LEAST, extras=[]), 1),
        (call(**LEAST, extras=["sauna"]), 0),
        (call(**LEAST) * 2, 0),
        (call("none"), 0),
        ("", 0),
        ("hotel.book(city='NYC', nights=3)", 0),
        ('{"name": "hotel.book", "arguments": "NYC"}', 0),
        ('{"name": ["hotel.book"], "arguments": {}}', 0),
        (json.dumps({"name": "hotel.book", "arguments": LEAST, "id": 1}), 0),
        ('{"name": "hotel.book", ' * 2_000, 0),
    ],
)
def test_a_call_is_judged_by_its_function_and_the_values_that_are_allowed(reply: str, score: float) -> None:
    task, problems = put("simple")
    assert task.score(problems["row_1"], reply) == score


def test_several_calls_are_right_in_any_order_and_each_once() -> None:
    task, problems = put("parallel")
    paris, london = call(city="Paris", nights=1), call(city="London", nights=1)

    def scored(*calls: str) -> float:
        return task.score(problems["row_2"], "\n".join(calls))

    assert scored(paris, london) == scored(london, paris) == scored(london, london) == 1
    assert task.score(problems["row_2"], f"[{paris}, {london}]") == 1
    assert scored(paris, paris) == scored(london) == scored(london, paris, paris) == scored() == 0


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("I have nothing for that.", 1),
        (call("none"), 1),
        ('The answer is {"area": 25}.', 1),
        (call(**LEAST), 0),
        (call("anything"), 0),
    ],
)
def test_where_no_function_fits_none_is_to_be_called(reply: str, score: float) -> None:
    task, problems = put("irrelevance")
    assert task.score(problems["row_1"], reply) == score


def solutions() -> Iterator[tuple[str, str]]:
    for category in CATEGORIES:
        for name in ("row_1", "row_2"):
            yield category, name


@pytest.mark.parametrize(("category", "name"), solutions())
def test_the_solution_that_is_told_is_right(category: str, name: str) -> None:
    task, problems = put(category)
    solution = problems[name].solution
    assert solution is not None and task.score(problems[name], solution) == 1


def test_it_is_not_learned_from_and_names_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not learned from"):
        find_task("bfcl:simple")
    with pytest.raises(ConfigurationError, match="simple, multiple, parallel"):
        find_task("bfcl:java", tmp_path)
