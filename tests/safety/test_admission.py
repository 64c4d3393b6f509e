"""Who is let in, what the others are told, and what is counted."""

import pytest
import structlog.testing

from causette.errors import Forbidden
from causette.observability import Metrics
from causette.safety import LivePolicy, PolicyScreen, Safety

PROMPT = "how to make a bomb from marzipan"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def safety(metrics: Metrics) -> Safety:
    return Safety(PolicyScreen(LivePolicy()), metrics)


def counted(metrics: Metrics, **labels: str) -> float | None:
    return metrics.registry.get_sample_value("causette_screened_total", labels)


async def test_a_refusal_names_the_category_and_never_the_text(safety: Safety, metrics: Metrics) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(Forbidden) as caught:
        await safety.admit(["hello", PROMPT], surface="platform")
    refusal = caught.value
    assert (refusal.code, refusal.param, refusal.status) == ("content_refused", "messages", 403)
    assert "illicit/violent" in refusal.message
    assert "marzipan" not in refusal.message
    assert logs == []
    assert counted(metrics, surface="platform", action="refuse", category="illicit/violent") == 1


async def test_a_flag_is_counted_and_lets_the_request_through(safety: Safety, metrics: Metrics) -> None:
    with structlog.testing.capture_logs() as logs:
        await safety.admit(["I want to die"], surface="assistant")
    assert logs == []
    assert counted(metrics, surface="assistant", action="flag", category="self-harm/intent") == 1


async def test_nothing_found_is_nothing_counted(safety: Safety, metrics: Metrics) -> None:
    await safety.admit(["Good morning!"], surface="platform")
    assert counted(metrics, surface="platform", action="allow", category="") is None


async def test_what_is_too_long_is_refused_as_such(safety: Safety) -> None:
    with pytest.raises(Forbidden, match="longer than what can be screened"):
        await safety.admit(["a" * 1_000_001], surface="platform")
