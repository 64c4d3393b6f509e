"""A teacher's replies become conversations: asked once whatever dies, and only those that are worth learning."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from causette.errors import CausetteError, ConfigurationError, InvalidRequest, NotFound
from causette.lab.carrying_out import begin, carry_out
from causette.lab.distilling import CONVERSATIONS, REPLIES, Manifest, read_manifest
from causette.lab.runs import Run, Runs
from causette.lab.tasks import find_task
from causette.models import Catalogue, Models
from tests.lab.listening import Listener
from tests.lab.teaching import Teacher, echo, says
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def served() -> Iterator[Teacher]:
    teacher = Teacher()
    yield teacher
    teacher.close()


@pytest.fixture
def teacher(served: Teacher) -> Teacher:
    served.answer, served.asked, served.keys = echo, [], set()
    return served


class Lab:
    """Runs in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = Runs(folder / "runs")
        self.heard = Listener()

    def distill(self, teacher: Teacher, prompts: list[dict[str, Any]] | None = None, **recipe: Any) -> Run:
        if prompts is not None:
            path = self.folder / "prompts.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in prompts))
            recipe = {"sources": [{"path": str(path), "licence": "CC0-1.0"}], **recipe}
        recipe = {"url": teacher.url, "model": "large", "licence": "Apache-2.0", **recipe}
        begin(self.runs, {"stage": "distill", **recipe}, name="asked")
        return self.resume()

    def resume(self) -> Run:
        return carry_out(self.runs, "asked", self.heard, Models(self.folder / "models", Catalogue.load()))

    @property
    def artifact(self) -> Path:
        return self.runs.place("asked") / "artifact"

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.artifact)

    @property
    def conversations(self) -> list[list[tuple[str, str]]]:
        lines = (self.artifact / CONVERSATIONS).read_text().splitlines()
        return [[(each["role"], each["content"]) for each in json.loads(line)["messages"]] for line in lines]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def asks(*texts: str) -> list[dict[str, Any]]:
    return [{"prompt": text} for text in texts]


USER, BOT = {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "An old answer"}


def test_prompts_of_any_form_are_answered_anew(
    lab: Lab, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHERS_KEY", "secret")
    rows = [
        {"messages": [{"role": "system", "content": "Be kind."}, USER, BOT]},
        {"messages": [USER, BOT, {"role": "user", "content": "And now?"}]},
        {"prompt": "Plain?", "completion": "An old answer"},
        {"prompt": "Pair?", "chosen": "An old answer", "rejected": "Another"},
        {"chosen": [{"role": "user", "content": "Chosen?"}, BOT], "rejected": [USER, BOT]},
        {"input": {"messages": [{"role": "user", "content": "Input?"}]}, "preferred_output": [BOT]},
        {"prompt": "Plain?", "completion": "Asked once", "label": True},
    ]
    run = lab.distill(teacher, rows, key_variable="TEACHERS_KEY", temperature=0.3, tokens=99)
    assert lab.conversations == [
        [("system", "Be kind."), ("user", "Who?"), ("assistant", "You said: Who?")],
        [
            ("user", "Who?"),
            ("assistant", "An old answer"),
            ("user", "And now?"),
            ("assistant", "You said: And now?"),
        ],
        [("user", "Plain?"), ("assistant", "You said: Plain?")],
        [("user", "Pair?"), ("assistant", "You said: Pair?")],
        [("user", "Chosen?"), ("assistant", "You said: Chosen?")],
        [("user", "Input?"), ("assistant", "You said: Input?")],
    ]
    assert (run.kind, run.metrics) == (
        "conversations",
        {"prompts": 6, "replies": 6, "conversations": 6, "left_out": 0},
    )
    assert teacher.keys == {"Bearer secret"}
    assert {(body["model"], body["temperature"], body["max_tokens"]) for body in teacher.asked} == {
        ("large", 0.3, 99)
    }
    manifest = lab.manifest
    assert (manifest.model, manifest.url, manifest.terms) == ("large", teacher.url, "Apache-2.0 AND CC0-1.0")
    assert len(manifest.prompts_sha256) == len(manifest.sources[0].sha256) == 64
    # The key is nobody's to read, in no file.
    for file in lab.runs.place("asked").rglob("*"):
        assert file.is_dir() or b"secret" not in file.read_bytes()


def test_what_is_not_worth_learning_is_left_out_and_counted(lab: Lab, teacher: Teacher) -> None:
    answers = {
        "empty": says(" \n"),
        "nothing": says(None),
        "long": says("and so on and", "length"),
        "filtered": says("A part of", "content_filter"),
        "declined": says("I'm sorry, but I can't help with that."),
        "no room": (400, {"error": {"code": "context_length_exceeded", "message": "too long"}}),
        "half": says("A \ud83d half of\0 a pair"),
        "good": says("  Gladly. "),
    }
    teacher.answer = lambda body: answers[body["messages"][-1]["content"]]
    run = lab.distill(teacher, asks(*answers))
    assert [conversation[-1][1] for conversation in lab.conversations] == ["A ? half of a pair", "Gladly."]
    assert lab.manifest.left_out == {
        "empty": 2,
        "declined": 2,
        "too long": 1,
        "the prompt is too long": 1,
    }
    assert run.metrics["left_out"] == 6
    assert "2 left out: declined" in lab.heard.notes


def test_samples_differ_in_their_seed_and_the_same_is_learned_once(lab: Lab, teacher: Teacher) -> None:
    teacher.answer = lambda body: says(f"{body['messages'][-1]['content']} {body['seed'] // 2}")
    lab.distill(teacher, asks("one", "two"), samples=3, seed=4)
    assert sorted(conversation[-1][1] for conversation in lab.conversations) == [
        "one 2",
        "one 3",
        "two 2",
        "two 3",
    ]
    assert lab.manifest.left_out == {"said before": 2}


def test_of_a_tasks_problems_only_what_is_right_is_kept_and_not_asked_again(
    lab: Lab, teacher: Teacher
) -> None:
    """Rejection sampling: the second sample is of those that the first had wrong."""

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        left, sign, right = body["messages"][-1]["content"].removeprefix("What is ").rstrip("?").split()
        value = int(left) + int(right) * (1 if sign == "+" else -1)
        # Even ones are right at once, those that three divides never.
        wrong = value % 3 == 0 or (value % 2 and body["seed"] == 0)
        return says(str(value + 1 + body["seed"] if wrong else value))

    teacher.answer = answer
    lab.distill(teacher, task="arithmetic-1", problems=20, samples=2)
    asked = teacher.prompts

    def value(prompt: str) -> int:
        left, sign, right = prompt.removeprefix("What is ").rstrip("?").split()
        return int(left) + int(right) * (1 if sign == "+" else -1)

    assert len(asked) == 20
    for prompt, times in asked.items():
        assert times == (1 if value(prompt) % 2 == 0 and value(prompt) % 3 else 2)
    kept = {conversation[0][1]: conversation[-1][1] for conversation in lab.conversations}
    assert kept == {prompt: str(value(prompt)) for prompt in asked if value(prompt) % 3}
    assert lab.manifest.task == "arithmetic-1"
    assert lab.manifest.left_out == {"wrong": sum(asked.values()) - len(kept)}


@pytest.mark.parametrize("keep", ["best", "all"])
def test_the_best_reply_or_all_that_are_good_enough(lab: Lab, teacher: Teacher, keep: str) -> None:
    """Rules of form, of which one reply keeps some and another one others."""
    texts = ["* a b c", "A, B AND THE C."]
    teacher.answer = lambda body: says(texts[int(body["seed"])])
    lab.distill(teacher, task="instructions", problems=12, samples=2, least=0.0, keep=keep)
    if keep == "all":
        assert lab.manifest.conversations == lab.manifest.replies == 24
        return
    task = find_task("instructions")
    problems = {each.id: each for each in islice(task.problems("train", 0), 12)}
    best = {
        question: max(texts, key=lambda text: task.score(problem, text))
        for question, problem in problems.items()
    }
    assert {each[0][1]: each[-1][1] for each in lab.conversations} == best
    assert set(best.values()) == set(texts)
    assert lab.manifest.left_out == {"not the best": lab.manifest.replies - 12}


def test_a_busy_teacher_is_asked_again_and_what_is_wrong_is_said(lab: Lab, teacher: Teacher) -> None:
    busy = iter([429, 503])

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status = next(busy, 200)
        return echo(body) if status == 200 else (status, {"error": {"message": "later"}})

    teacher.answer = answer
    lab.distill(teacher, asks("one"))
    assert len(teacher.asked) == 3


def test_a_refused_key_ends_the_run_and_what_was_said_is_kept(lab: Lab, teacher: Teacher) -> None:
    teacher.answer = lambda body: (
        echo(body) if body["messages"][-1]["content"] == "one" else (401, {"error": {"message": "no key"}})
    )
    with pytest.raises(CausetteError, match=r"answered 401: .*no key"):
        lab.distill(teacher, asks("one", "two"), batch=1)
    teacher.answer = echo
    assert lab.resume().status == "done"
    assert teacher.prompts == {"one": 1, "two": 2}


def test_a_killed_run_goes_on_without_asking_again(lab: Lab, teacher: Teacher) -> None:
    texts = [f"number {n}" for n in range(8)]
    held = threading.Event()

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["messages"][-1]["content"] == texts[5]:
            held.wait(30)
        return echo(body)

    teacher.answer = answer
    path = lab.folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in asks(*texts)))
    recipe = lab.folder / "asked.toml"
    recipe.write_text(
        f'stage = "distill"\nurl = "{teacher.url}"\nlicence = "CC0-1.0"\nbatch = 1\n'
        f'[[sources]]\npath = "{path}"\nlicence = "CC0-1.0"\n'
    )
    command = [sys.executable, "-m", "causette", "lab", "distill", str(recipe), "--name", "asked"]
    environment = os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))}
    with subprocess.Popen(
        [*command, "--data", str(lab.folder)], stderr=subprocess.PIPE, env=environment
    ) as process:
        try:
            wait_for(lambda: teacher.prompts[texts[5]] == 1, "the sixth prompt", seconds=60)
        finally:
            process.send_signal(signal.SIGKILL)
    held.set()
    assert lab.runs.find("asked").status == "interrupted"
    replies = lab.runs.place("asked") / "checkpoints" / REPLIES
    whole = replies.read_bytes().splitlines(keepends=True)
    assert len(whole) == 5
    # As it would be if it had died while it wrote the last of them.
    replies.write_bytes(b"".join(whole[:4]) + whole[4][:30])
    lab.resume()
    assert [conversation[-1][1] for conversation in lab.conversations] == [f"You said: {t}" for t in texts]
    assert teacher.prompts == {text: 2 if text in texts[4:6] else 1 for text in texts}


def test_one_that_died_after_it_had_written_all_is_done_again_without_asking(
    lab: Lab, teacher: Teacher
) -> None:
    run = lab.distill(teacher, asks("one", "two"))
    lab.runs.ended(run, "interrupted", "as if it had not been noted")
    before = (lab.artifact / CONVERSATIONS).read_bytes()
    assert lab.resume().status == "done"
    assert (lab.artifact / CONVERSATIONS).read_bytes() == before
    assert len(teacher.asked) == 2


def test_where_nothing_is_left_it_is_said_why(lab: Lab, teacher: Teacher) -> None:
    teacher.answer = lambda _: says("")
    with pytest.raises(InvalidRequest, match="None of the 2 replies can be learned from: 2 empty"):
        lab.distill(teacher, asks("one", "two"))
    assert not lab.artifact.exists()


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"licence": ""}, "licence: "),
        ({}, "either sources, which are files of prompts, or a task"),
        ({"task": "arithmetic-2", "sources": [{"run": "x"}]}, "either sources"),
        ({"task": "arithmetic-2", "samples": 2, "temperature": 0.0}, "Without a temperature"),
        ({"task": "safety:harmless"}, "not learned from"),
        ({"task": "arithmetic-2", "url": "here"}, "is not an address"),
        ({"sources": [{"path": "x.jsonl"}]}, "Say licence"),
        ({"sources": [{"licence": "CC0-1.0"}]}, "Name either path"),
        ({"sources": [{"run": "nobody"}]}, "There is no run 'nobody'"),
    ],
)
def test_a_recipe_that_cannot_be_carried_out_is_refused(
    lab: Lab, teacher: Teacher, recipe: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        lab.distill(teacher, **recipe)
    assert teacher.asked == []


NO_PROMPTS: list[tuple[Any, str]] = [
    ({"text": "A document."}, "has text; a prompt is in messages, prompt, input or chosen"),
    ({"messages": [BOT]}, "messages asks nothing"),
    ({"messages": [{"role": "system", "content": "Be kind."}]}, "messages asks nothing"),
    ({"prompt": ""}, "prompt is empty"),
    ({"prompt": "Hi", "tools": [{}]}, "tools is not read"),
    ([], "is a list; a row is an object"),
]


@pytest.mark.parametrize(("row", "said"), NO_PROMPTS)
def test_a_row_without_a_prompt_is_named(lab: Lab, teacher: Teacher, row: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"prompts\.jsonl:2: {said}"):
        lab.distill(teacher, [{"prompt": "Hi"}, row])
    assert teacher.asked == []


def test_a_run_of_another_stage_has_no_conversations(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no conversations that a teacher wrote"):
        read_manifest(tmp_path)
