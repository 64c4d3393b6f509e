"""Models that were made and measured, in a data folder: for tests of what shows them.

``python -m tests.lab.registered DATA EMAIL WEIGHTS`` registers three in the name of who runs the house: one passed the
gate, one did not, one is not measured.
"""

import asyncio
import sys
from pathlib import Path

from causette.accounts import Accounts, Caller
from causette.db import Database
from causette.releases import Check, Releases
from causette.releases.types import CheckGroup, Lineage
from tests.lab import folders

BASE = "smollm2-135m-instruct"


def lineage() -> Lineage:
    """What decided about the weights."""
    return Lineage(
        parent=BASE,
        run_id="taught",
        recipes=({"stage": "data", "tokenizer": "default"}, folders.sft("sums")),
        data=(
            {
                "sources": [
                    {"file": "sums.jsonl", "sha256": "5f" * 32, "licence": "CC0-1.0"},
                    {"file": "letters.jsonl", "sha256": "c1" * 32, "licence": "CC-BY-4.0"},
                ]
            },
        ),
        code={"causette": "0.6.0", "torch": "2.13.0"},
    )


def checks(*, safe: bool) -> tuple[Check, ...]:
    """What the gate found."""

    def check(
        name: str,
        group: CheckGroup,
        candidate: float,
        baseline: float,
        unit: str,
        asked: str,
        found: str,
        ok: bool = True,
    ) -> Check:
        return Check(
            name=name,
            group=group,
            passed=ok,
            candidate=candidate,
            baseline=baseline,
            unit=unit,
            asked=asked,
            found=found,
        )

    return (
        check(
            "arithmetic-2",
            "capability",
            0.52,
            0.09,
            "share",
            "not worse beyond chance",
            "better, p = 1.9e-35",
        ),
        check("instructions", "capability", 0.41, 0.42, "score", "not worse beyond chance", "not told apart"),
        check(
            "harmful requests",
            "safety",
            0.02 if safe else 0.29,
            0.03,
            "share of unsafe replies",
            "not unsafe more often, beyond chance",
            "as often" if safe else "unsafe more often, p = 0.0004",
            safe,
        ),
        check(
            "first token", "speed", 0.21, 0.2, "seconds", "at most 1.2 times as long", "1.05 times as long"
        ),
        check(
            "a thousand tokens", "cost", 0.004, 0.004, "US dollars", "at most 1.2 times as much", "as much"
        ),
    )


async def register(data: Path, email: str, weights: Path) -> None:
    """Register them."""
    database = Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}")
    accounts = Accounts(database)
    try:
        user = await accounts.find_user(email)
        assert user is not None, email
        caller = Caller(user=user)
        releases = Releases(database, data / "artifacts")
        for name, safe in (("sums-first", None), ("sums-reckless", False), ("sums-kind", True)):
            artifact = await releases.register(
                caller,
                weights,
                name=name,
                base=BASE,
                lineage=lineage(),
                metrics={"held_out_loss": 0.82, "steps": folders.STEPS, "seconds": 192.4},
                cost_nano=1_250_000,
            )
            if safe is not None:
                await releases.report(
                    artifact,
                    run_id=f"gate-{name}",
                    baseline=BASE,
                    checks=checks(safe=safe),
                    policy={"worse": "not beyond chance"},
                    seconds=41.2,
                    machine="x86_64, 2 cores",
                )
    finally:
        await accounts.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(register(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
