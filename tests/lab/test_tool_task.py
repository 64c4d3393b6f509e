"""A call is right when the tool and what it is given are, however they are written."""

import json
from itertools import islice
from string import Template
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.lab.tasks import Problem, find_task
from causette.lab.tasks.tools.calls import Call
from causette.lab.tasks.tools.catalogue import TOOLS
from causette.lab.tasks.tools.definitions import Tool

TASK = find_task("tools")


def problem(tool: str | None, **arguments: Any) -> Problem:
    found = next((each for each in TOOLS if each.name == tool), None)
    return Problem(id="", prompt=(), solution=None, key=Call(tool=found, arguments=arguments))


def call(name: str, **arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments})


FLIGHT = {"origin": "Lyon", "destination": "Lima", "date": "2027-02-14", "passengers": 2}
WARM = {"room": "hall", "celsius": 20}


@pytest.mark.parametrize(
    ("asked", "reply", "score"),
    [
        (problem("search_flights", **FLIGHT), call("search_flights", **FLIGHT), 1),
        (problem("search_flights", **FLIGHT), call("search_flights", **FLIGHT | {"passengers": 3}), 0),
        # What was said may not be left out, unless it is what holds anyway.
        (problem("search_flights", **FLIGHT), call("search_flights", **FLIGHT | {"passengers": 1}), 0),
        (problem("get_weather", city="Oslo"), call("get_weather", city="Oslo"), 1),
        (problem("get_weather", city="Oslo"), call("get_weather", city="oslo "), 1),
        (problem("get_weather", city="Oslo"), call("get_weather", city="Oslo", unit="celsius"), 1),
        (problem("get_weather", city="Oslo"), call("get_weather", city="Oslo", unit="fahrenheit"), 0),
        (problem("get_weather", city="Oslo", unit="celsius"), call("get_weather", city="Oslo"), 1),
        (problem("get_weather", city="Oslo", unit="fahrenheit"), call("get_weather", city="Oslo"), 0),
        (problem("get_weather", city="Oslo"), call("get_weather"), 0),
        (problem("get_weather", city="Oslo"), call("get_weather", city="Oslo", country="Norway"), 0),
        (problem("get_weather", city="Oslo"), call("get_time", city="Oslo"), 0),
        (problem("set_heating", **WARM), call("set_heating", room="hall", celsius=20.0), 1),
        (problem("set_heating", **WARM), call("set_heating", room="hall", celsius="20"), 0),
        (problem("set_light", room="hall", percent=1), call("set_light", room="hall", percent=True), 0),
        (problem("play_music", artist="Bach", shuffle=True), call("play_music", artist="Bach", shuffle=1), 0),
        (problem("play_music", artist="Bach"), call("play_music", artist="Bach", shuffle=False), 1),
        (problem(None), call("none"), 1),
        (problem(None), '{"name": "none"}', 1),
        (problem(None), call("get_time", city="Oslo"), 0),
        (problem(None), call("none", city="Oslo"), 0),
        (problem("get_time", city="Oslo"), call("none"), 0),
    ],
)
def test_a_call_is_judged_by_its_tool_and_arguments(asked: Problem, reply: str, score: float) -> None:
    assert TASK.score(asked, reply) == score


@given(st.permutations(list(FLIGHT)), st.booleans())
def test_the_order_of_keys_is_free(order: list[str], name_first: bool) -> None:
    written: dict[str, Any] = {"arguments": {key: FLIGHT[key] for key in order}, "name": "search_flights"}
    reply = json.dumps(dict(reversed(written.items())) if name_first else written, indent=1)
    assert TASK.score(problem("search_flights", **FLIGHT), f"```json\n{reply}\n```") == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "none",
        "{" * 5_000,
        '{"name": "get_time", "arguments": "Oslo"}',
        '{"name": "get_time", "city": "Oslo"}',
        '{"name": "get_time", "arguments": {"city": "Oslo"}, "and": 1}',
        '{"name": ["get_time"], "arguments": {"city": "Oslo"}}',
        '{"name": "get_time", "arguments": {"city": {"of": "Oslo"}}}',
        # One call, not one of several.
        call("get_time", city="Oslo") + call("get_time", city="Lima"),
        call("get_time", city="Oslo") * 2,
    ],
)
def test_what_is_not_one_call_scores_nothing(reply: str) -> None:
    assert TASK.score(problem("get_time", city="Oslo"), reply) == 0


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_question_says_what_its_tool_has_to_be_given(tool: Tool) -> None:
    names = {each.name for each in tool.parameters}
    required = {each.name for each in tool.parameters if each.default is None}
    for question in tool.questions:
        said = set(Template(question.words).get_identifiers()) | question.meant.keys()
        assert required <= said <= names
    assert set(tool.schema["parameters"]["required"]) == required


def test_the_right_tool_is_among_those_offered_or_none_that_could_stand_in_is() -> None:
    without = 0
    topics = {each.name: each.topic for each in TOOLS}
    asked = list(islice(TASK.problems("train", 5), 400))
    for each in asked:
        system = each.prompt[0].content
        offered = [json.loads(line)["name"] for line in system.splitlines() if line.startswith('{"name"')]
        assert len(set(offered)) == 4
        if each.key.tool is None:
            without += 1
            assert "anything" not in {topics[name] for name in offered}
        else:
            assert each.key.tool.name in offered
    assert 0.1 < without / len(asked) < 0.25
