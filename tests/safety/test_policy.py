"""The policy file: what it may say, and what happens when it is edited."""

import os
from pathlib import Path

import pytest

from causette.errors import ConfigurationError
from causette.safety import LivePolicy
from causette.safety.policy import read_policy

OPENAI_CATEGORIES = {
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors"),
    *("violence", "violence/graphic"),
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def write(file: Path, text: str, stamp: int) -> None:
    file.write_text(text)
    os.utime(file, (stamp, stamp))


def test_the_shipped_policy_has_openais_categories_and_secrets() -> None:
    policy = read_policy()
    assert set(policy.categories) == OPENAI_CATEGORIES | {"secrets"}
    assert policy.categories["sexual/minors"].action == "refuse"
    assert policy.categories["secrets"].action == "flag"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("categories = [", "not valid TOML"),
        ("max_char = 5", "'max_char' is unknown"),
        ("max_chars = 0", "max_chars: 0"),
        ("max_chars = true", "max_chars: True"),
        ("categories = 3", "write [categories.NAME] tables"),
        ('[categories]\nhate = "flag"', "categories.hate"),
        ('[categories.new]\nphrases = ["a"]', "category 'new'"),
        ('[categories.hate]\naction = "block"', "category 'hate': action"),
        ("[categories.hate]\nphrase = []", "phrase"),
        ('[categories.hate]\nphrases = ["… bomb"]', "'… bomb' has no word"),
        ('[categories.hate]\nphrases = ["?!"]', "'?!' has no word"),
        (f'[categories.hate]\nphrases = ["{"a " * 17}"]', "17 words"),
        ('[categories.hate]\nsurfaces = ["web"]', "surfaces"),
        ('[categories.hate]\nsecrets = ["gitlab"]', "'gitlab' is unknown"),
    ],
)
def test_a_slip_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_policy(file)
    assert said in caught.value.message
    assert str(file) in caught.value.message


def test_an_edit_takes_effect_within_a_second(tmp_path: Path) -> None:
    file, clock = tmp_path / "policy.toml", Clock()
    live = LivePolicy(file, now=clock)
    before = live.current.max_chars
    write(file, "max_chars = 7", 1)
    assert live.current.max_chars == before
    clock.now += 1
    assert live.current.max_chars == 7
    file.unlink()
    clock.now += 1
    assert live.current.max_chars == before


def test_a_broken_edit_leaves_the_last_good_policy(tmp_path: Path) -> None:
    file, clock = tmp_path / "policy.toml", Clock()
    write(file, "max_chars = 7", 1)
    live = LivePolicy(file, now=clock)
    write(file, "max_chars = 'many'", 2)
    clock.now += 1
    assert live.current.max_chars == 7
    write(file, "max_chars = 8", 3)
    clock.now += 1
    assert live.current.max_chars == 8


def test_a_broken_policy_at_the_start_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError):
        LivePolicy(file)
