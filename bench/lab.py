"""What the lab teaches a model, and how fast.

    python bench/lab.py [--part road] [--part prefer] [--part flywheel] [--part pretrain] [--part speed] [--quick]

``road``: the default model learns sums of two-digit numbers from examples (SFT) and then from trying (GRPO); its score
on held-out problems at each station with 95 % intervals, and again of the exported model behind ``causette serve``.

``prefer``: DPO on right and wrong answers; how often the right one of two held-out ones is the likelier.

``flywheel``: 200 thumbs of people who agreed become examples, a run (KTO), an artifact, the gate's report, a signature,
a canary and a promotion, on a running server by the commands that people type; how long each step takes.

``pretrain``: a model of four layers from nothing on this project's documents; its loss on held-out paragraphs.

``speed``: tokens a second and MFU of the training loop, against transformers' Trainer on the same rows: on an
accelerator with 124 million and a billion parameters, on processors with a small one.

``--quick`` ends within 45 seconds: a few steps of each, which teach little.

See docs/benchmarks.md.
"""

import argparse
import asyncio
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
import transformers

import causette
from causette.lab.evaluating import shown
from harness import lab_flywheel, lab_lessons, lab_road, lab_speed, machine, report
from harness.lab_rooms import lab
from harness.report import Goal, Metric

#: Of the better of two answers, after DPO.
GOAL_PREFERRED: Final = 0.9
#: Nats a token of held-out text: a vocabulary of 2,048 words, none of them known, has 7.6.
GOAL_LOSS: Final = 4.5
GOAL_MFU: Final = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the benchmark found."""

    metrics: Sequence[Metric]
    notes: Sequence[str]


def road(quick: bool) -> Part:
    """From the default model to one that is served."""
    with lab() as room:
        found = asyncio.run(lab_road.travel(room, lab_road.QUICK if quick else lab_road.WHOLE))
    scores = found.scores
    metrics = [
        Metric(
            f"road_{station}_accuracy",
            "",
            [scores[station].value],
            peer=[max(scores[before].value, 1e-9)] if before else (),
            against=before,
            goal=Goal("ratio", "≥", bound) if bound else None,
        )
        for station, before, bound in (
            ("before", "", 0.0),
            ("sft", "before", 1.01),
            ("grpo", "sft", 1.01),
            ("served", "grpo", 0.0),
        )
    ]
    metrics += [
        Metric(
            "road_served_apart_p", "", [found.differences["grpo", "served"].p], goal=Goal("ours", "≥", 0.05)
        ),
        Metric("road_served_alike", "", [found.alike]),
        *(Metric(f"road_{name}_seconds", "s", [seconds]) for name, seconds in found.seconds.items()),
    ]
    notes = [f"road: {station}: {shown(score)}" for station, score in scores.items()]
    notes += [
        f"road: {before} → {after}: {difference.value:+.1%} [{difference.low:+.1%}, {difference.high:+.1%}], "
        f"p = {difference.p:.2g}"
        for (before, after), difference in found.differences.items()
    ]
    rewards = " ".join(f"{reward:.2f}" for reward in found.rewards)
    return Part(metrics, [*notes, f"road: rewards of GRPO's steps: {rewards}"])


def prefer(quick: bool) -> Part:
    """DPO."""
    with lab() as room:
        found = lab_lessons.prefer(room, pairs=60 if quick else 600, steps=2 if quick else 40)
    metrics = [
        Metric(
            "prefer_right_is_likelier",
            "",
            [found.after.value],
            peer=[max(found.before.value, 1e-9)],
            against="before",
            goal=Goal("ours", "≥", GOAL_PREFERRED),
        ),
        Metric("prefer_right_became_likelier", "", [found.margins.value]),
    ]
    notes = [f"prefer: before: {shown(found.before)}; after {found.steps} steps: {shown(found.after)}"]
    return Part(metrics, notes)


def flywheel(quick: bool) -> Part:
    """From thumbs to a promoted canary."""
    with lab() as room:
        found = asyncio.run(lab_flywheel.turn(room, lab_flywheel.QUICK if quick else lab_flywheel.WHOLE))
    metrics = [
        Metric("flywheel_promoted", "", [found.state == "promoted"], goal=Goal("ours", "≥", 1.0)),
        Metric("flywheel_thumbs", "", [found.thumbs]),
        Metric("flywheel_held_out_accuracy", "", [found.accuracy]),
        Metric("flywheel_requests", "", [found.requests]),
        Metric("flywheel_seconds", "s", [sum(found.seconds.values())]),
        *(Metric(f"flywheel_{state}_seconds", "s", [seconds]) for state, seconds in found.seconds.items()),
    ]
    checks = ", ".join(f"{group} {passed} of {of}" for group, (passed, of) in found.checks.items())
    return Part(metrics, [f"flywheel: {found.state}: {found.reason}", f"flywheel: checks passed: {checks}"])


def pretrain(quick: bool) -> Part:
    """From nothing."""
    with lab() as room:
        found = lab_lessons.pretrain(room, steps=10 if quick else 200)
    metrics = [
        Metric(
            "pretrain_held_out_loss",
            "nats",
            [found.after],
            peer=[found.before],
            against="before",
            goal=Goal("ours", "<", GOAL_LOSS),
        ),
        Metric("pretrain_bits_a_byte", "bits", [found.bits_a_byte]),
        Metric("pretrain_speed", "tokens/s", [found.tokens_a_second]),
        Metric("pretrain_mfu", "", [found.mfu]),
    ]
    return Part(metrics, [f"pretrain: {found.parameters:,} parameters, {found.tokens:,.0f} tokens"])


def speed(quick: bool) -> Part:
    """The training loop's."""
    metrics: list[Metric] = []
    notes: list[str] = []
    rounds = 1 if quick else 3
    for case in lab_speed.cases():
        found = [lab_speed.measure(case) for _ in range(rounds)]
        metrics.append(
            Metric(
                f"speed_{case.name}",
                "tokens/s",
                [each.ours for each in found],
                peer=[each.theirs for each in found],
                against="Trainer",
                goal=Goal("ratio", "≥", 1.0),
            )
        )
        goal = Goal("ours", "≥", GOAL_MFU) if case.name == "1b" else None
        metrics.append(Metric(f"speed_{case.name}_mfu", "", [each.mfu for each in found], goal=goal))
        notes.append(
            f"speed: {case.name}: {found[0].parameters:,} parameters, {case.batch} rows of {case.length}; "
            f"peak: {found[0].peak}"
        )
    if not torch.cuda.is_available():
        notes.append("speed: no accelerator here: 124 million and a billion parameters were not run")
    return Part(metrics, notes)


PARTS: Final[dict[str, Callable[[bool], Part]]] = {
    "road": road,
    "prefer": prefer,
    "flywheel": flywheel,
    "pretrain": pretrain,
    "speed": speed,
}


def main() -> None:
    """Run and report; exit code 0 when it ran, whatever it found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--part", choices=list(PARTS), action="append", help="this part only; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds: a few steps of each")
    options = parser.parse_args()
    bystanders = machine.Bystanders()
    parts = [PARTS[name](options.quick) for name in options.part or PARTS]
    facts = {
        "complete": True,
        "machine": machine.description() | {"used_by_others": round(bystanders.share(), 3)},
        "versions": {
            "causette": causette.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "transformers": transformers.__version__,
        },
    }
    metrics = [metric for part in parts for metric in part.metrics]
    report.publish("lab", metrics, [note for part in parts for note in part.notes], facts, sys.stdout)


if __name__ == "__main__":
    main()
