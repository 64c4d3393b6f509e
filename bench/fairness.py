"""Whether a crowd slows anybody unfairly: Causette's fair queue against first come, first served.

    python bench/fairness.py [--quick]

The gateway's own queue in front of a simulated continuous-batching engine, in virtual time, with two crowds: *flood*,
where one tenant of the free plan asks for ten times what the engine can do and everybody else for what is theirs, and
*rush*, where everybody asks for more than there is. First come, first served gets the same requests at the same
moments. Then a flood in real time, over HTTP, against ``causette serve`` in front of the same engine as a server.
See docs/benchmarks.md.

``--quick`` ends within 45 seconds: two simulated minutes of each instead of three times ten, and nothing over HTTP.
"""

import argparse
import asyncio
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import causette
from causette.gateway.fair_queue import FairQueue
from causette.plans.book import read_book
from harness import machine, report
from harness.batching import Speed
from harness.batching_server import SPEED
from harness.crowds import (
    DECODE,
    MEAN_PROMPT,
    MEAN_REPLY,
    PREFILL,
    FirstCome,
    Outcome,
    Queue,
    Tenant,
    behave,
    jain,
    trace,
)
from harness.report import Goal, Metric
from harness.served_crowd import behave_served, served
from harness.workers import BenchError

SLOTS: Final = 64
MAX_WAITING: Final = 256
#: Seconds at the beginning that do not count.
WARM_UP: Final = 20.0
FCFS: Final = "first come"
UNLOADED: Final = "no flood"
ALONE: Final = "alone"

NORMAL: Final = (
    Tenant("free", "free", 1, 0.03),
    *(Tenant(f"plus {number}", "plus", 4, 0.08) for number in (1, 2, 3)),
    Tenant("team", "team", 8, 0.10),
)
FLOOD: Final = (Tenant("flood", "free", 1, 10.0), *NORMAL)
RUSH: Final = (
    *(Tenant(f"free {number}", "free", 1, 0.5) for number in (1, 2, 3, 4)),
    *(Tenant(f"plus {number}", "plus", 4, 1.0) for number in (1, 2)),
    Tenant("team", "team", 8, 1.5),
)

#: One tenant, so seldom that two of its requests hardly ever meet.
LONE: Final = (Tenant("plus 1", "plus", 4, 0.004),)


def _on_plan(name: str, plan: str, load: float) -> Tenant:
    """A tenant with the weight that the shipped plan has."""
    return Tenant(name, plan, read_book().plans[plan].weight, load)


HTTP_NORMAL: Final = (
    _on_plan("free", "free", 0.02),
    *(_on_plan(f"plus {number}", "plus", 0.08) for number in (1, 2, 3)),
    _on_plan("team", "team", 0.10),
)
HTTP_FLOOD: Final = (_on_plan("flood", "free", 10.0), *HTTP_NORMAL)
#: A remote deployment's slots where nothing else is said.
HTTP_SLOTS: Final = 32
HTTP_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Round:
    """What became of each crowd, with one seed."""

    alone: Outcome
    unloaded: Outcome
    flood: Outcome
    flood_first_come: Outcome
    flood_without_reserve: Outcome
    rush: Outcome
    rush_first_come: Outcome
    #: What goes over HTTP in real time, in virtual time.
    remote_unloaded: Outcome
    remote_flood: Outcome
    remote_first_come: Outcome


def play(seconds: float, seed: int) -> Round:
    """All crowds, for ``seconds`` of their time."""
    speed = Speed()
    capacity = speed.capacity(SLOTS, MEAN_PROMPT, MEAN_REPLY)

    def one(tenants: Sequence[Tenant], queue_of: Callable[[Callable[[], float]], Queue]) -> Outcome:
        return behave(trace(tenants, capacity, seconds, seed), queue_of, speed, WARM_UP, seconds)

    def remote(tenants: Sequence[Tenant], queue_of: Callable[[Callable[[], float]], Queue]) -> Outcome:
        arrivals = trace(tenants, SPEED.capacity(HTTP_SLOTS, MEAN_PROMPT, MEAN_REPLY), seconds, seed)
        return behave(arrivals, queue_of, SPEED, WARM_UP, seconds)

    return Round(
        alone=one(LONE, _fair),
        unloaded=one(NORMAL, _fair),
        flood=one(FLOOD, _fair),
        flood_first_come=one(FLOOD, _first_come),
        flood_without_reserve=one(FLOOD, _fair_without_reserve),
        rush=one(RUSH, _fair),
        rush_first_come=one(RUSH, _first_come),
        remote_unloaded=remote(HTTP_NORMAL, lambda clock: _fair(clock, HTTP_SLOTS)),
        remote_flood=remote(HTTP_FLOOD, lambda clock: _fair(clock, HTTP_SLOTS)),
        remote_first_come=remote(HTTP_FLOOD, lambda _: FirstCome(HTTP_SLOTS, MAX_WAITING)),
    )


async def play_served() -> tuple[Outcome, Outcome]:
    """Over HTTP: without the flood, then with it."""
    capacity = SPEED.capacity(HTTP_SLOTS, MEAN_PROMPT, MEAN_REPLY)
    seconds = WARM_UP + HTTP_SECONDS
    with tempfile.TemporaryDirectory(prefix="causette-bench-") as folder:
        async with served(Path(folder), {tenant.name: tenant.plan for tenant in HTTP_FLOOD}) as server:
            unloaded, flood = [
                await behave_served(server, trace(tenants, capacity, seconds, 0), WARM_UP, seconds)
                for tenants in (HTTP_NORMAL, HTTP_FLOOD)
            ]
    return unloaded, flood


def _fair(clock: Callable[[], float], slots: int = SLOTS) -> Queue:
    """The gateway's queue as the gateway makes it."""
    return FairQueue(
        slots=slots, max_waiting=MAX_WAITING, prefill_cost=PREFILL, decode_cost=DECODE, clock=clock
    )


def _fair_without_reserve(clock: Callable[[], float]) -> Queue:
    return FairQueue(
        slots=SLOTS, max_waiting=MAX_WAITING, reserve=0, prefill_cost=PREFILL, decode_cost=DECODE, clock=clock
    )


def _first_come(_: Callable[[], float]) -> Queue:
    return FirstCome(SLOTS, MAX_WAITING)


def metrics(rounds: Sequence[Round]) -> list[Metric]:
    """The figures of the report."""

    def metric(
        name: str,
        unit: str,
        figure: Callable[[Outcome], float],
        ours: Callable[[Round], Outcome] = lambda each: each.flood,
        peer: Callable[[Round], Outcome] = lambda each: each.flood_first_come,
        against: str = FCFS,
        goal: Goal | None = None,
    ) -> Metric:
        return Metric(
            name,
            unit,
            [figure(ours(each)) for each in rounds],
            peer=[figure(peer(each)) for each in rounds],
            against=against,
            goal=goal,
        )

    def rush(name: str, unit: str, figure: Callable[[Outcome], float], goal: Goal | None = None) -> Metric:
        return metric(
            name, unit, figure, lambda each: each.rush, lambda each: each.rush_first_come, goal=goal
        )

    near, whole = Goal("ours", "≤", 0.05), Goal("ratio", "≥", 0.97)
    plus_p99 = _ttft("plus", 99)
    return [
        metric(
            "flood_plus_ttft_p99_vs_unloaded",
            "ms",
            plus_p99,
            peer=lambda each: each.unloaded,
            against=UNLOADED,
            goal=Goal("ratio", "≤", 1.25),
        ),
        metric("flood_plus_ttft_p99_vs_alone", "ms", plus_p99, peer=lambda each: each.alone, against=ALONE),
        metric(
            "flood_plus_ttft_p99_without_reserve",
            "ms",
            plus_p99,
            ours=lambda each: each.flood_without_reserve,
            peer=lambda each: each.unloaded,
            against=UNLOADED,
        ),
        metric("flood_plus_wait_p99", "ms", _wait_p99("plus")),
        metric(
            "flood_plus_engine_p99",
            "ms",
            _engine_p99("plus"),
            peer=lambda each: each.unloaded,
            against=UNLOADED,
        ),
        *(
            metric(f"flood_{plan}_ttft_p{percent}", "ms", _ttft(plan, percent))
            for plan in ("free", "plus", "team")
            for percent in (50, 99)
        ),
        metric("flood_share_error", "", _share_error(FLOOD), goal=near),
        rush("rush_share_error", "", _share_error(RUSH), goal=near),
        metric("flood_jain", "", _jain(FLOOD)),
        rush("rush_jain", "", _jain(RUSH)),
        *(rush(f"rush_{plan}_share", "", _service_share(plan)) for plan in ("free", "plus", "team")),
        metric("flood_output", "tokens/s", lambda each: each.tokens_per_second, goal=whole),
        metric(
            "flood_output_without_reserve",
            "tokens/s",
            lambda each: each.tokens_per_second,
            ours=lambda each: each.flood_without_reserve,
        ),
        rush("rush_output", "tokens/s", lambda each: each.tokens_per_second, goal=whole),
        metric("flood_refused_of_others", "", _refused_of_others),
        metric("flood_longest_wait", "s", _longest_wait, goal=Goal("ours", "<", 60)),
        rush("rush_longest_wait", "s", _longest_wait, goal=Goal("ours", "<", 60)),
        *(
            metric(
                f"remote_{plan}_ttft_p{percent}",
                "ms",
                _ttft(plan, percent),
                ours=lambda each: each.remote_flood,
                peer=lambda each: each.remote_unloaded,
                against=UNLOADED,
                goal=Goal("ratio", "≤", 1.25) if (plan, percent) == ("plus", 99) else None,
            )
            for plan, percent in (("plus", 50), ("plus", 99), ("team", 99), ("free", 99))
        ),
        metric(
            "remote_output",
            "tokens/s",
            lambda each: each.tokens_per_second,
            ours=lambda each: each.remote_flood,
            peer=lambda each: each.remote_first_come,
        ),
        Metric("queue_time", "µs/request", [queue_microseconds()]),
    ]


def http_metrics(unloaded: Outcome, flood: Outcome) -> list[Metric]:
    """The figures of the real server."""
    names = [tenant.name for tenant in HTTP_NORMAL]
    shares = flood.shares({tenant.name: tenant.weight for tenant in HTTP_FLOOD})
    # Each of them sends too few in this time for a figure of their own.
    others = sum(flood.service[name] for name in names) / sum(shares[name] for name in names)
    error = max(abs(others - 1), abs(flood.service["flood"] / shares["flood"] - 1))

    def ttft(plan: str, percent: int, goal: Goal | None = None) -> Metric:
        figure = _ttft(plan, percent)
        ours, peer = figure(flood), figure(unloaded)
        return Metric(f"http_{plan}_ttft_p{percent}", "ms", [ours], peer=[peer], against=UNLOADED, goal=goal)

    return [
        ttft("plus", 50),
        ttft("plus", 95),
        ttft("plus", 99, Goal("ratio", "≤", 1.25)),
        ttft("team", 50),
        ttft("team", 95),
        # The normal one on the plan of the one who floods sends about ten; none may have been answered.
        *([ttft("free", 50)] if all(len(each.ttft["free"]) > 1 for each in (unloaded, flood)) else []),
        Metric("http_share_error", "", [error], goal=Goal("ours", "≤", 0.05)),
        Metric("http_output", "tokens/s", [flood.tokens_per_second]),
        Metric("http_refused_of_others", "", [sum(flood.refused[name] for name in names)]),
    ]


def _ttft(plan: str, percent: int) -> Callable[[Outcome], float]:
    """Milliseconds to the first token, over the normal tenants of a plan; of those that were not refused."""
    names = [tenant.name for tenant in NORMAL if tenant.plan == plan]
    return lambda outcome: 1e3 * _percentile([x for name in names for x in outcome.ttft[name]], percent)


def _wait_p99(plan: str) -> Callable[[Outcome], float]:
    names = [tenant.name for tenant in NORMAL if tenant.plan == plan]
    return lambda outcome: 1e3 * _percentile([x for name in names for x in outcome.waits[name]], 99)


def _engine_p99(plan: str) -> Callable[[Outcome], float]:
    """Milliseconds from a slot to the first token: no queue has a part in these."""
    names = [tenant.name for tenant in NORMAL if tenant.plan == plan]
    return lambda outcome: 1e3 * _percentile([x for name in names for x in outcome.engine[name]], 99)


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _share_error(tenants: Sequence[Tenant]) -> Callable[[Outcome], float]:
    """How far the tenant that is furthest from its weighted max-min share is from it."""
    return lambda outcome: max(abs(each - 1) for each in _of_shares(outcome, tenants))


def _jain(tenants: Sequence[Tenant]) -> Callable[[Outcome], float]:
    return lambda outcome: jain(_of_shares(outcome, tenants))


def _of_shares(outcome: Outcome, tenants: Sequence[Tenant]) -> list[float]:
    shares = outcome.shares({tenant.name: tenant.weight for tenant in tenants})
    return [outcome.service[tenant.name] / shares[tenant.name] for tenant in tenants]


def _service_share(plan: str) -> Callable[[Outcome], float]:
    """What part of all service one tenant of a plan has, on average, when everybody wants more."""
    names = [tenant.name for tenant in RUSH if tenant.plan == plan]

    def share(outcome: Outcome) -> float:
        given = sum(outcome.service.values())
        return statistics.mean(outcome.service[name] for name in names) / given

    return share


def _refused_of_others(outcome: Outcome) -> float:
    names = [tenant.name for tenant in NORMAL]
    return sum(outcome.refused[name] for name in names) / sum(outcome.asked[name] for name in names)


def _longest_wait(outcome: Outcome) -> float:
    """Of all that were not refused, those that still wait at the end among them."""
    return max(outcome.oldest, *(max(waits) for waits in outcome.waits.values()))


def queue_microseconds(requests: int = 20_000) -> float:
    """What a request's way through a full queue of 100 tenants costs: joining, its turn, 128 tokens, leaving."""
    queue = FairQueue(slots=SLOTS, max_waiting=MAX_WAITING)
    tickets = [queue.join(f"tenant {n % 100}", weight=1, input_tokens=375) for n in range(MAX_WAITING)]
    tokens = range(1, MEAN_REPLY + 1)
    began = perf_counter()
    for number in range(requests):
        tickets.append(queue.join(f"tenant {number % 100}", weight=1, input_tokens=375))
        ticket = next(ticket for ticket in tickets if ticket.running)
        tickets.remove(ticket)
        for made in tokens:
            ticket.made(made)
        ticket.prefilled(375, 0)
        ticket.leave()
    return (perf_counter() - began) / requests * 1e6


def _notes(last: Round) -> list[str]:
    """Each tenant of the last round in a line of its own."""
    lines: list[str] = []
    for title, tenants, ours, peer in (
        ("flood", FLOOD, last.flood, last.flood_first_come),
        ("rush", RUSH, last.rush, last.rush_first_come),
    ):
        weights = {tenant.name: tenant.weight for tenant in tenants}
        fair, unfair = ours.shares(weights), peer.shares(weights)
        lines.append(f"{title}: service over weighted max-min share, and refused of asked; ours | {FCFS}")
        lines += [
            f"  {name:8} weight {weights[name]:g}   "
            f"{ours.service[name] / fair[name]:6.3f} {ours.refused[name]:6}/{ours.asked[name]:<6} | "
            f"{peer.service[name] / unfair[name]:6.3f} {peer.refused[name]:6}/{peer.asked[name]:<6}"
            for name in weights
        ]
    return lines


def main() -> None:
    """Run and report; exit code 0 when all of it ran, whatever it found, and 1 when something could not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds: less of everything")
    quick: bool = parser.parse_args().quick
    seconds, seeds = (120.0, 1) if quick else (600.0, 3)
    bystanders = machine.Bystanders()
    rounds = [play(seconds + WARM_UP, seed) for seed in range(seeds)]
    figures, notes, complete = metrics(rounds), _notes(rounds[-1]), True
    if not quick:
        try:
            figures += http_metrics(*asyncio.run(play_served()))
        except BenchError as error:
            complete = False
            notes.append(f"nothing over HTTP: {error}")
    facts = {
        "complete": complete,
        "workload": {
            "simulated_seconds": seconds,
            "rounds": seeds,
            "slots": SLOTS,
            "max_waiting": MAX_WAITING,
            "mean_prompt": MEAN_PROMPT,
            "mean_reply": MEAN_REPLY,
        },
        "machine": machine.description() | {"used_by_others": round(bystanders.share(), 3)},
        "versions": {"causette": causette.__version__, "python": platform.python_version()},
    }
    report.publish("fairness", figures, notes, facts, sys.stdout)
    if not complete:
        sys.exit(1)


if __name__ == "__main__":
    main()
