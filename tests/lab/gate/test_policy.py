"""The gate's policy: what it may say, and what an owner's file changes of it."""

from pathlib import Path

import pytest

from causette.errors import ConfigurationError
from causette.lab.gate import Policy, read_policy


def read(tmp_path: Path, text: str) -> Policy:
    (tmp_path / "gate.toml").write_text(text)
    return read_policy(tmp_path / "gate.toml")


def test_the_shipped_policy_asks_for_every_group(tmp_path: Path) -> None:
    policy = read_policy(tmp_path / "none.toml")
    assert policy == read_policy()
    assert {"do-not-answer", "harmless"} <= policy.safety.keys()
    assert "arithmetic-2" in policy.capability


def test_an_owners_file_changes_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    shipped = read_policy()
    policy = read(
        tmp_path,
        "seed = 7\n[capability.arithmetic-2]\ntolerance = 0.2\n[capability.tools]\nproblems = 0\n"
        '[capability."reasoning:basic_arithmetic"]\nproblems = 100\ntokens = 32\ntolerance = 0.1\n'
        "[safety.harmless]\nceiling = 0.3\n[cost]\nsize = 2\n",
    )
    assert policy.seed == 7
    assert policy.capability["arithmetic-2"].tolerance == 0.2
    assert policy.capability["arithmetic-2"].problems == shipped.capability["arithmetic-2"].problems
    assert policy.capability.keys() == {"arithmetic-2", "instructions", "reasoning:basic_arithmetic"}
    assert policy.safety["harmless"].ceiling == 0.3
    assert (policy.cost.size, policy.cost.memory) == (2.0, shipped.cost.memory)
    assert policy.speed == shipped.speed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("seed = ", "not valid TOML"),
        ("sede = 1", "'sede' is unknown"),
        ("seed = -1", "seed: Expected `int` >= 0"),
        ('concurrency = "many"', "concurrency: Expected `int`"),
        ("capability = 3", "capability: write it as a table"),
        ("[capability]\ntools = 3", "capability.tools: write it as a table"),
        ("[capability.tools]\ntokens = 0", "capability.tools: tokens: Expected `int` >= 1"),
        ("[capability.tools]\ntolerance = 0.0", "capability.tools: tolerance: Expected `float` > 0.0"),
        ("[capability.tools]\nproblem = 3", "capability.tools: Object contains unknown field `problem`"),
        ("[capability.chess]\nproblems = 100", "capability.chess: Object missing required field"),
        (
            "[capability.chess]\nproblems = 100\ntokens = 9\ntolerance = 0.1",
            "capability.chess: There is no task 'chess'",
        ),
        (
            "[safety.chess]\nprompts = 100\ntokens = 9\ntolerance = 0.1",
            "safety.chess: The task 'safety:chess' is not written as it should be",
        ),
        ("[safety.harmless]\nceiling = 1.5", "safety.harmless: ceiling: Expected `float` <= 1.0"),
        ("[speed]\nrounds = 3", "speed: rounds: Expected `int` >= 6"),
        ("[speed]\nfirst_token = 0", "speed: first_token: Expected `float` > 0.0"),
        ("[cost]\nsize = -1", "cost: size: Expected `float` > 0.0"),
        ("[cost]\ncolour = 1", "cost: Object contains unknown field `colour`"),
        (
            "".join(
                f"[capability.{name}]\nproblems = 0\n" for name in ("arithmetic-2", "instructions", "tools")
            ),
            "capability: every task is left out",
        ),
        (
            "[capability.tools]\nproblems = 20\ntolerance = 0.1",
            "capability.tools: problems: with 20 not even two equal models pass a tolerance of 0.1; ask 26 or more",
        ),
    ],
)
def test_a_mistake_is_named_with_its_file_table_and_field(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, text)
    assert named in refused.value.message
    assert "gate.toml" in refused.value.message
