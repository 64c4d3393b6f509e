"""A step's time is shared out among requests to the nanosecond."""

from hypothesis import given
from hypothesis import strategies as st

from causette.engines.embedded.attribution import StepCosts, StepWork

works = st.lists(
    st.builds(StepWork, prompt_tokens=st.integers(0, 512), reply_tokens=st.integers(0, 16)),
    min_size=1,
    max_size=64,
)
steps = st.lists(st.tuples(st.integers(0, 10**11), works), min_size=1, max_size=12)


@given(steps)
def test_shares_are_not_negative_and_add_up_to_the_step(steps: list[tuple[int, list[StepWork]]]):
    costs = StepCosts()
    for step_ns, work in steps:
        shares = costs.share(step_ns, work)
        assert len(shares) == len(work)
        assert min(shares) >= 0
        assert sum(shares) == step_ns


@given(steps)
def test_who_had_nothing_computed_pays_nothing_for_a_step_that_computed(
    steps: list[tuple[int, list[StepWork]]],
):
    costs = StepCosts()
    for step_ns, work in steps:
        shares = costs.share(step_ns, work)
        if any(item.prompt_tokens or item.reply_tokens for item in work):
            # Whoever comes last also takes what rounding left over: at most a nanosecond.
            idle = [
                share
                for share, item in zip(shares, work, strict=True)
                if not (item.prompt_tokens or item.reply_tokens)
            ]
            assert sum(idle) <= 1


@given(st.integers(1, 10**11), st.integers(1, 8), st.integers(2, 8))
def test_equal_work_costs_the_same(step_ns: int, tokens: int, requests: int):
    shares = StepCosts().share(step_ns, [StepWork(reply_tokens=tokens) for _ in range(requests)])
    assert max(shares) - min(shares) <= 1


def test_a_prompt_token_weighs_what_steps_have_shown():
    costs = StepCosts()
    assert costs.prompt_weight == 1.0
    for _ in range(3):
        costs.share(512_000, [StepWork(prompt_tokens=512)])
        costs.share(40_000, [StepWork(reply_tokens=2), StepWork(reply_tokens=2)])
    assert costs.prompt_weight == 1_000 / 10_000
    shares = costs.share(1_000_000, [StepWork(prompt_tokens=100), StepWork(reply_tokens=10)])
    assert shares == [500_000, 500_000]


def test_a_step_in_which_nothing_was_computed_is_everybodys_equally():
    assert StepCosts().share(900, [StepWork(), StepWork(), StepWork()]) == [300, 300, 300]
