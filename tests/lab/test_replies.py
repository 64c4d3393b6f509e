"""Replies come from a model in memory or over HTTP; what goes wrong is said."""

import socket

import pytest
import torch
from transformers import GenerationConfig

from causette.errors import Unavailable
from causette.lab.generating import generate
from causette.lab.replies import Sampling, ServedReplies
from causette.lab.types import Message
from tests.lab.toys import VOCABULARY, tiny_model


def test_an_address_where_nobody_answers_is_one_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        replies = ServedReplies(url=f"http://127.0.0.1:{free.getsockname()[1]}/v1", model="any")
        with pytest.raises(Unavailable, match="does not answer"):
            list(replies([[Message("user", "Hello")]] * 3, Sampling()))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_a_model_brings_along_for_generating_is_left_out(temperature: float) -> None:
    model = tiny_model()

    def written() -> list[list[int]]:
        torch.manual_seed(1)
        prompts = [[1, 2, 3], [4, 5]]
        return generate(model, prompts, tokens=20, temperature=temperature, end=VOCABULARY - 1)

    plain = written()
    own = GenerationConfig(repetition_penalty=5.0, min_p=0.9, no_repeat_ngram_size=1)
    model.generation_config = own
    assert written() == plain
    assert model.generation_config is own
