"""Tasks keep their splits apart, give the same problems for the same seed, and judge as they say."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.errors import ConfigurationError
from causette.lab.evaluating import distinct
from causette.lab.tasks import find_task
from causette.lab.tasks.types import Problem
from causette.lab.types import Message

NAMES = [
    "arithmetic-2",
    "arithmetic-3",
    "code",
    "instructions",
    "reasoning:basic_arithmetic",
    "reasoning:spell_backward",
    "tools",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_problems_and_splits_never_meet(name: str) -> None:
    task = find_task(name)
    first, again, other = (
        [problem.id for problem in islice(task.problems("train", seed), 200)] for seed in (1, 1, 2)
    )
    assert first == again != other
    questions = {
        split: {
            problem.prompt[-1].content
            for seed in (1, 2)
            for problem in islice(task.problems(split, seed), 200)  # pyright: ignore[reportArgumentType]
        }
        for split in ("train", "held_out")
    }
    assert questions["train"].isdisjoint(questions["held_out"])


@pytest.mark.parametrize(
    "name", ["arithmetic-2", "code", "reasoning:basic_arithmetic", "reasoning:spell_backward", "tools"]
)
def test_a_solution_is_right_and_something_else_is_not(name: str) -> None:
    task = find_task(name)
    for problem in islice(task.problems("train", 3), 20):
        assert problem.solution is not None
        assert task.score(problem, problem.solution) == 1
        assert task.score(problem, "I would rather not say.") < 1


@pytest.mark.parametrize("said", ["1", "[", "[1,", '{"a":'])
def test_a_model_that_does_not_stop_is_judged_all_the_same(said: str) -> None:
    rules = Problem(id="", prompt=(), solution=None, key=[("json", None)])
    assert find_task("instructions").score(rules, said * 10_000) == 0
    sum_ = Problem(id="", prompt=(), solution=None, key=11)
    assert find_task("arithmetic-2").score(sum_, said * 10_000) == 0


def test_a_dataset_that_draws_with_numpy_takes_seeds_beyond_three() -> None:
    assert next(find_task("reasoning:pool_matrix").problems("held_out", 1234)).prompt


@pytest.mark.parametrize("dataset", ["prime_factorization", "boxnet", "game_of_life"])
def test_a_reply_that_a_verifier_cannot_read_is_wrong(dataset: str) -> None:
    task = find_task(f"reasoning:{dataset}")
    problem = next(task.problems("train", 0))
    for reply in ("I do not know.", '{"a": 1}', "[" * 3_000):
        assert task.score(problem, reply) < 0.1


@given(left=st.integers(0, 999), right=st.integers(0, 999))
def test_arithmetic_takes_the_last_number(left: int, right: int) -> None:
    task = find_task("arithmetic-3")
    problem = Problem(id="", prompt=(), solution=None, key=left + right)
    assert task.score(problem, f"{left} + {right} = {left + right}.") == 1
    assert task.score(problem, f"It is {left + right:,}") == 1
    assert task.score(problem, f"{left + right}, or {left + right + 1}") == 0


@pytest.mark.parametrize(
    ("rule", "value", "kept", "broken"),
    [
        ("most_words", 3, "Two words", "This has four words"),
        ("bullets", 2, "* one\n* two", "* one\n- two"),
        ("word", "slow", "It is slow.", "It is slower."),
        ("without", "the", "No such word", "The word"),
        ("lower", None, "all small", "Not all small"),
        ("upper", None, "ALL LARGE", "Not ALL"),
        ("no_comma", None, "One and two", "One, two"),
        ("ends", "That is all.", "Some text. That is all.\n", "That is all. Or not."),
        ("json", None, '```json\n{"a": 1}\n```', "{a: 1}"),
    ],
)
def test_each_rule_is_kept_or_broken(rule: str, value: object, kept: str, broken: str) -> None:
    task = find_task("instructions")
    problem = Problem(id="", prompt=(Message("user", ""),), solution=None, key=[(rule, value)])
    assert (task.score(problem, kept), task.score(problem, broken)) == (1, 0)
    # Nothing is not a way to keep a rule.
    assert task.score(problem, "") == 0


def test_half_of_the_rules_is_half_of_the_score() -> None:
    problem = Problem(id="", prompt=(), solution=None, key=[("lower", None), ("no_comma", None)])
    assert find_task("instructions").score(problem, "one, two") == 0.5


@pytest.mark.parametrize(
    "name",
    [
        "chess",
        "arithmetic-many",
        "arithmetic-0",
        "arithmetic--2",
        "arithmetic-5000",
        "instructions-long",
        "reasoning:no_such_dataset",
    ],
)
def test_an_unknown_task_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        next(find_task(name).problems("train", 0))
    assert name in caught.value.message


def test_a_task_of_few_problems_ends() -> None:
    found = list(distinct(find_task("arithmetic-1").problems("held_out", 0)))
    assert 5 < len(found) < 155
