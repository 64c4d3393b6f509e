"""How much arithmetic a token takes."""

import pytest

from causette.lab.adapters import AdapterConfig, adapt
from causette.lab.training.flops import flops_a_token
from tests.lab.toys import VOCABULARY, tiny_model

_ATTENTION = 6 * 2 * 32 * 16


@pytest.mark.parametrize("tied", [False, True])
def test_a_token_is_multiplied_by_all_that_is_not_looked_up(tied: bool) -> None:
    model = tiny_model(tied=tied)
    looked_up = 0 if tied else 32 * VOCABULARY
    parameters = sum(each.numel() for each in model.parameters()) - looked_up
    assert flops_a_token(model, 16) == 6 * parameters + _ATTENTION


def test_frozen_weights_have_no_gradient_to_compute() -> None:
    model = tiny_model(tied=True)
    frozen = sum(each.numel() for each in model.parameters())
    adapt(model, AdapterConfig(rank=2))
    learned = sum(each.numel() for each in model.parameters()) - frozen
    assert flops_a_token(model, 16) == 4 * frozen + 6 * learned + _ATTENTION
