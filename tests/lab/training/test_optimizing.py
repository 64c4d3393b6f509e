"""Optimizers take what is trained, and the learning rate goes as its schedule says."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causette.lab.adapters import AdapterConfig, adapt
from causette.lab.training.config import OptimizerConfig, ScheduleConfig
from causette.lab.training.optimizing import optimizers_for, rate_at
from tests.lab.toys import tiny_model


def test_muon_trains_an_adapter() -> None:
    model = tiny_model()
    adapt(model, AdapterConfig(rank=2))
    (muon,) = optimizers_for(model, OptimizerConfig(name="muon"))
    trained = {id(each) for each in model.parameters() if each.requires_grad}
    assert {id(each) for group in muon.param_groups for each in group["params"]} == trained
    assert isinstance(muon, torch.optim.Muon)


_SHARES = st.floats(0, 1)


@given(
    steps=st.integers(1, 200),
    warmup=_SHARES,
    decay=_SHARES,
    shape=st.sampled_from(["linear", "cosine"]),
    floor=_SHARES,
)
def test_the_rate_rises_to_its_highest_and_falls_from_there(
    steps: int, warmup: float, decay: float, shape: str, floor: float
) -> None:
    schedule = ScheduleConfig(warmup=warmup, decay=decay, shape=shape, floor=floor)  # pyright: ignore[reportArgumentType]
    rates = [rate_at(step, steps, schedule) for step in range(1, steps + 1)]
    assert all(0 < rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_the_rate_does_not_drop_where_warm_up_and_decay_meet() -> None:
    schedule = ScheduleConfig(warmup=0.5, decay=0.9)
    rates = [rate_at(step, 10, schedule) for step in range(1, 11)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
