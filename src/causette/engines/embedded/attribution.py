"""Whose a step's time is.

One step of the batch computes a slice of some prompts and one token of each running reply. Its wall time is shared out
in proportion to what each had computed, in units of one reply token: a prompt token costs less than a reply token,
because prompts go through the machine many at a time. The weight is measured, not assumed: steps that only read
prompts and steps that only write replies give the two rates. Shares are whole nanoseconds and add up to the step's
time exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# How much one more step moves the measured rates.
_SMOOTHING = 0.05


@dataclass(slots=True)
class StepWork:
    """What one request had done in one step."""

    prompt_tokens: int = 0
    reply_tokens: int = 0


class StepCosts:
    """Divides steps' times among requests, and learns what a prompt token weighs as it goes."""

    def __init__(self) -> None:
        # Starting points, in nanoseconds a token; the first pure steps replace them.
        self._prompt_ns: float | None = None
        self._reply_ns: float | None = None

    @property
    def prompt_weight(self) -> float:
        """The cost of one prompt token in reply tokens; 1 until both have been measured."""
        if self._prompt_ns is None or self._reply_ns is None:
            return 1.0
        return self._prompt_ns / self._reply_ns

    def share(self, step_ns: int, work: Sequence[StepWork]) -> list[int]:
        """Each request's part of ``step_ns``, in the order of ``work``. The parts add up to ``step_ns``."""
        self._learn(step_ns, work)
        weight = self.prompt_weight
        loads = [item.reply_tokens + weight * item.prompt_tokens for item in work]
        total = sum(loads)
        if total == 0:
            # Nothing was computed for anybody (a step that only ended sequences): everybody's, equally.
            loads, total = [1.0] * len(work), float(len(work))
        shares: list[int] = []
        given = 0
        cumulative = 0.0
        for load in loads:
            cumulative += load
            upto = round(step_ns * (cumulative / total))
            shares.append(upto - given)
            given = upto
        if shares:
            shares[-1] += step_ns - given
        return shares

    def _learn(self, step_ns: int, work: Sequence[StepWork]) -> None:
        prompt = sum(item.prompt_tokens for item in work)
        reply = sum(item.reply_tokens for item in work)
        # The step that finishes reading a prompt also writes the first token: a small part of its time.
        if prompt > 0 and reply <= len(work) and prompt >= 16 * max(1, reply):
            self._prompt_ns = _smooth(self._prompt_ns, step_ns / prompt)
        elif prompt == 0 and reply > 0:
            self._reply_ns = _smooth(self._reply_ns, step_ns / reply)


def _smooth(old: float | None, new: float) -> float:
    return new if old is None else old + _SMOOTHING * (new - old)
