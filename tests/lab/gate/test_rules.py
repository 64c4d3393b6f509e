"""Each rule of the gate at its edge."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.lab.gate import Measured, Policy, is_known, judge, read_policy
from causette.lab.gate.policy import CapabilityBounds, CostBounds, SafetyBounds, for_its_owner
from causette.lab.speed import Timed, Turn
from causette.lab.statistics import least_problems, not_worse
from causette.releases import Check

SHIPPED = read_policy()
NANO_AN_HOUR = 100_000_000


def policy(*, tolerance: float = 0.05, ceiling: float = 1.0, **changes: Any) -> Policy:
    fields = {name: getattr(SHIPPED, name) for name in ("seed", "concurrency", "speed", "cost")}
    return Policy(
        **fields
        | {
            "capability": {"sums": CapabilityBounds(problems=100, tokens=8, tolerance=tolerance)},
            "safety": {"asked": SafetyBounds(prompts=100, tokens=8, tolerance=tolerance, ceiling=ceiling)},
        }
        | changes
    )


def turns(*, first: float = 0.1, seconds: float = 1.0, compute_ns: int = 1_000) -> list[Turn]:
    reply = Timed(first=first, last=seconds, output_tokens=10, compute_ns=compute_ns)
    return [Turn(seconds=seconds, replies=(reply, reply)) for _ in range(6)]


def scored(scores: Sequence[float]) -> Mapping[str, float]:
    return {f"problem {number}": score for number, score in enumerate(scores)}


def measured(scores: Sequence[float] = (1.0,) * 100, *, safe: Sequence[float] = (1.0,) * 100) -> Measured:
    return Measured(
        scores={"sums": scored(scores), "safety:asked": scored(safe)},
        turns=turns(),
        memory=1_000,
        size=1_000,
    )


def check(of: str, candidate: Measured, baseline: Measured, by: Policy | None = None) -> Check:
    found = {
        f"{each.group}: {each.name}": each
        for each in judge(by or policy(), candidate, baseline, nano_an_hour=NANO_AN_HOUR)
    }
    return found[of]


def changed(lost: int, gained: int, count: int) -> tuple[list[float], list[float]]:
    """A baseline's scores and a candidate's, which lost some problems and gained others."""
    rest = count - lost - gained
    return [1.0] * lost + [0.0] * gained + [1.0] * rest, [0.0] * lost + [1.0] * gained + [1.0] * rest


def test_an_equal_candidate_passes_every_check() -> None:
    checks = judge(policy(ceiling=0.1), measured(), measured(), nano_an_hour=NANO_AN_HOUR)
    assert all(each.passed for each in checks)
    assert {each.group for each in checks} == {"capability", "safety", "speed", "cost"}


@given(tolerance=st.floats(0.01, 0.5))
def test_equal_models_pass_from_the_fewest_problems_on_that_a_policy_may_ask(tolerance: float) -> None:
    least = least_problems(tolerance)
    assert not_worse([1.0] * least, [1.0] * least).low > -tolerance
    if least > 1:
        assert not_worse([1.0] * (least - 1), [1.0] * (least - 1)).low <= -tolerance


@pytest.mark.parametrize("few", [1, 5, 20, 53])
def test_few_problems_wave_nothing_through(few: int) -> None:
    found = check("capability: sums", measured([1.0] * few), measured([1.0] * few))
    assert not found.passed
    assert "5 points worse cannot be ruled out" in found.found


def test_a_loss_beyond_chance_is_stopped_however_small_it_is() -> None:
    # 3 of a thousand more is nothing, 8 of a thousand is beyond chance, and both are far from the tolerance.
    few, many = (changed(lost, 0, 1_000) for lost in (3, 8))
    assert check("capability: sums", measured(few[1]), measured(few[0])).passed
    stopped = check("capability: sums", measured(many[1]), measured(many[0]))
    assert not stopped.passed
    assert "worse beyond chance" in stopped.found


def test_a_loss_that_may_be_chance_is_stopped_where_it_may_be_more_than_the_tolerance() -> None:
    before, after = changed(12, 8, 100)
    stopped = check("capability: sums", measured(after), measured(before))
    assert not stopped.passed
    assert "cannot be ruled out" in stopped.found
    wider = policy(tolerance=0.15)
    assert check("capability: sums", measured(after), measured(before), wider).passed


@given(lost=st.integers(0, 60), gained=st.integers(0, 60), tolerance=st.floats(0.03, 0.4))
def test_whoever_loses_one_problem_more_never_passes_where_who_lost_fewer_did_not(
    lost: int, gained: int, tolerance: float
) -> None:
    by = policy(tolerance=tolerance)

    def passes(lost: int) -> bool:
        before, after = changed(lost, gained, 160)
        return check("capability: sums", measured(after), measured(before), by).passed

    assert passes(lost) or not passes(lost + 1)


def test_a_better_candidate_passes() -> None:
    before, after = changed(0, 60, 100)
    found = check("capability: sums", measured(after), measured(before))
    assert found.passed
    assert (found.candidate, found.baseline) == (1.0, 0.4)
    assert "+60.0 points" in found.found
    assert "better beyond chance" in found.found


def test_scores_between_wrong_and_right_are_compared_too() -> None:
    before, after = [0.5] * 100, [0.25] * 100
    assert check("capability: sums", measured(before), measured(before)).passed
    assert not check("capability: sums", measured(after), measured(before)).passed


def test_unsafe_replies_may_not_become_more() -> None:
    before, after = changed(30, 0, 100)
    found = check("safety: asked", measured(safe=after), measured(safe=before))
    assert not found.passed
    assert (found.candidate, found.baseline) == pytest.approx((0.3, 0.0))
    # Said of what is unsafe: more of it is a rise.
    assert "+30.0 points" in found.found
    assert check("safety: asked", measured(safe=before), measured(safe=after)).passed


def test_a_ceiling_holds_for_the_upper_end_of_the_interval_whatever_is_served_now() -> None:
    replies = [0.0] * 10 + [1.0] * 90
    both = measured(safe=replies), measured(safe=replies)
    # Wilson's interval of 10 of 100 ends at 17.4 %.
    assert check("safety: asked, ceiling", *both, policy(ceiling=0.18)).passed
    assert not check("safety: asked, ceiling", *both, policy(ceiling=0.17)).passed


@pytest.mark.parametrize(
    ("of", "good", "bad"),
    [
        ("speed: time to the first token", {"first": 0.1249}, {"first": 0.1251}),
        ("speed: tokens a second", {"seconds": 1.249}, {"seconds": 1.251}),
        ("cost: cost of a million output tokens", {"compute_ns": 1_250}, {"compute_ns": 1_260}),
    ],
)
def test_speed_and_cost_are_held_to_a_ratio(of: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert check(of, replace(measured(), turns=turns(**good)), measured()).passed
    assert not check(of, replace(measured(), turns=turns(**bad)), measured()).passed


def test_turns_that_disagree_do_not_pass_for_their_mean() -> None:
    spread = [turns(first=first)[0] for first in (0.05, 0.2, 0.05, 0.2, 0.05, 0.2)]
    found = check("speed: time to the first token", replace(measured(), turns=spread), measured())
    # Their mean is the baseline's, and nobody knows.
    assert "1.00 times" in found.found
    assert not found.passed


def test_a_ratio_is_known_once_its_interval_is_narrow() -> None:
    bounds = policy().speed
    same = [turns(seconds=seconds)[0] for seconds in (1.0, 1.01, 1.02, 1.0, 1.01, 1.02)]
    far = [turns(seconds=seconds)[0] for seconds in (0.5, 1.0, 2.0, 1.0, 0.5, 2.0)]
    assert is_known(bounds, same, turns())
    assert not is_known(bounds, far, turns())


def test_weights_and_memory_are_held_to_a_ratio() -> None:
    bounds = policy(cost=CostBounds(output_tokens=1.0, memory=1.5, size=2.0))
    for name, field, most in (("size of the weights", "size", 2_000), ("most memory", "memory", 1_500)):
        for value, passes in ((most, True), (most + 1, False)):
            candidate = replace(measured(), **{field: value})
            assert check(f"cost: {name}", candidate, measured(), bounds).passed is passes
    unknown = replace(measured(), memory=None)
    names = {each.name for each in judge(policy(), unknown, measured(), nano_an_hour=NANO_AN_HOUR)}
    assert "most memory" not in names


def test_what_output_costs_is_the_machines_time_at_its_rate() -> None:
    # A microsecond of compute is 200 replies' tokens: a tenth of a dollar an hour.
    slow = replace(measured(), turns=turns(compute_ns=36_000_000_000))
    found = check("cost: cost of a million output tokens", slow, measured())
    # 3.6 s a token are a million hours for a thousand million tokens, and a thousand hours for a million.
    assert found.candidate == pytest.approx(1_000 * 0.1)


@pytest.mark.parametrize(
    ("lost", "passes", "passes_alone"), [(5, True, True), (6, False, True), (8, False, False)]
)
def test_the_checks_of_what_one_person_is_served_share_what_is_left_to_chance(
    lost: int, passes: bool, passes_alone: bool
) -> None:
    before, after = changed(lost, 0, 400)
    names = ("a", "b", "c", "d", "e")
    bounds = SafetyBounds(prompts=400, tokens=8, tolerance=0.1)
    by = for_its_owner(policy(safety=dict.fromkeys(names, bounds)))

    def of(scores: Sequence[float]) -> Measured:
        return Measured(
            scores={f"safety:{name}": scored(scores) for name in names}, turns=(), memory=None, size=1
        )

    (check, *_) = alone = judge(by, of(after), of(before), nano_an_hour=NANO_AN_HOUR, private=True)
    assert {each.group for each in alone} == {"safety"} and len(alone) == 5
    assert check.passed is passes_alone
    full = replace(of(after), scores=of(after).scores | measured().scores, turns=turns(), memory=1)
    base = replace(of(before), scores=of(before).scores | measured().scores, turns=turns(), memory=1)
    everybody = judge(policy(safety=by.safety), full, base, nano_an_hour=NANO_AN_HOUR)
    assert next(each for each in everybody if each.name == "a").passed is passes


def test_what_one_person_is_served_need_not_answer_what_is_harmless() -> None:
    alone = for_its_owner(SHIPPED)
    assert alone.capability == {}
    assert SHIPPED.safety.keys() - alone.safety.keys() == {"harmless"}
    only = policy(safety={"harmless": SHIPPED.safety["harmless"]})
    assert for_its_owner(only).safety == only.safety
