"""Which deployment answers to a name, and what it samples with."""

import pytest

from causette.engines.types import ResponseFormat, Sampling
from causette.errors import ConfigurationError, InvalidRequest, NotFound
from causette.gateway import Deployment, Deployments, Kind
from tests.gateway.scripted import ScriptedEngine


def deployment(name: str, *aliases: str, kind: Kind = "text", sampling: Sampling | None = None) -> Deployment:
    return Deployment(
        name=name,
        kind=kind,
        engine=ScriptedEngine(),
        title=name.title(),
        aliases=aliases,
        sampling=sampling or Sampling(),
    )


@pytest.fixture
def deployments() -> Deployments:
    return Deployments(
        [
            deployment("smollm2-135m-instruct", "default"),
            deployment("qwen3-1.7b", "big", "thinking"),
            deployment("all-minilm-l6-v2", "embedding", kind="embedding"),
        ]
    )


@pytest.mark.parametrize("name", ["qwen3-1.7b", "big", "thinking"])
def test_a_deployment_answers_to_its_name_and_its_aliases(deployments: Deployments, name: str):
    assert deployments.find(name, "text").name == "qwen3-1.7b"


def test_all_are_listed_once_in_their_order(deployments: Deployments):
    assert [item.name for item in deployments] == ["smollm2-135m-instruct", "qwen3-1.7b", "all-minilm-l6-v2"]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("smollm2-135m", "smollm2-135m-instruct"),
        ("SmolLM2-135M-Instruct", "smollm2-135m-instruct"),
        ("defualt", "default"),
        ("qwen3:1.7b", "qwen3-1.7b"),
    ],
)
def test_a_near_miss_is_told_what_was_probably_meant(deployments: Deployments, slip: str, meant: str):
    with pytest.raises(NotFound) as missing:
        deployments.find(slip, "text")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert repr(slip) in missing.value.message
    assert f"Did you mean {meant!r}?" in missing.value.message


def test_a_far_miss_is_told_what_there_is_of_that_kind(deployments: Deployments):
    with pytest.raises(NotFound) as missing:
        deployments.find("gpt-99", "text")
    assert "There is: big, default, qwen3-1.7b, smollm2-135m-instruct, thinking." in missing.value.message
    with pytest.raises(NotFound) as empty:
        Deployments([]).find("default", "text")
    assert "There is: none." in empty.value.message


@pytest.mark.parametrize(
    ("name", "kind", "makes"), [("embedding", "text", "embeddings"), ("default", "embedding", "text")]
)
def test_a_model_of_another_kind_is_refused_as_that(
    deployments: Deployments, name: str, kind: Kind, makes: str
):
    with pytest.raises(InvalidRequest) as refused:
        deployments.find(name, kind)
    assert (refused.value.code, refused.value.param) == ("wrong_model_kind", "model")
    assert f"makes {makes}, not" in refused.value.message


def test_two_models_of_one_name_are_a_mistake_in_the_configuration():
    with pytest.raises(ConfigurationError, match="'default'"):
        Deployments([deployment("one", "default"), deployment("two", "default")])
    assert Deployments([deployment("one", "one")]).find("one", "text").name == "one"


DEFAULTS = Sampling(
    temperature=0.2, top_p=0.9, top_k=40, min_p=0.05, repetition_penalty=1.1, frequency_penalty=0.3
)


def test_defaults_fill_in_what_a_request_leaves_open():
    filled = deployment("one", sampling=DEFAULTS).with_defaults(Sampling(max_tokens=5, seed=1))
    assert (filled.temperature, filled.top_p, filled.top_k, filled.min_p) == (0.2, 0.9, 40, 0.05)
    assert (filled.repetition_penalty, filled.frequency_penalty) == (1.1, 0.3)
    assert (filled.max_tokens, filled.seed) == (5, 1)


def test_what_a_request_says_stands_even_where_it_says_zero():
    said = Sampling(
        temperature=0.0, top_p=0.0, top_k=1, min_p=0.0, repetition_penalty=1.0, frequency_penalty=0.0
    )
    assert deployment("one", sampling=DEFAULTS).with_defaults(said) == said


def test_penalties_stay_out_of_a_reply_that_has_to_repeat_its_punctuation():
    filled = deployment("one", sampling=DEFAULTS).with_defaults(Sampling(response_format=ResponseFormat()))
    assert filled.temperature == 0.2
    assert (filled.repetition_penalty, filled.frequency_penalty) == (None, None)


def test_a_deployment_without_defaults_leaves_a_request_as_it_is():
    said = Sampling(seed=3)
    assert deployment("one").with_defaults(said) is said
