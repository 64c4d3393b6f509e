"""Whether a canary does worse than what is served as before, beyond chance.

It is looked at again and again while requests come in, and each look could be wrong: what ends a canary has to be so
unlikely by chance (once in a thousand) that many looks together are still rarely wrong.
"""

from collections.abc import Mapping
from datetime import datetime
from math import comb, exp, sqrt
from statistics import NormalDist
from typing import Final

from causette.releases.types import Arm, Bounds, Release, Standing, Tally, Thumbs

#: How unlikely by chance a difference has to be.
LEVEL: Final = 0.001
# Of fewer first tokens on either side a mean of logarithms says nothing.
_LEAST_FIRSTS: Final = 10


def judge(
    release: Release, tallies: Mapping[Arm, Tally], thumbs: Mapping[Arm, Thumbs], now: datetime
) -> Standing:
    """How a canary stands: what speaks against it, and what is missing before it can be promoted."""
    stable, canary = tallies.get("stable", Tally()), tallies.get("canary", Tally())
    liked, disliked = thumbs.get("canary", Thumbs()), thumbs.get("stable", Thumbs())
    against = (
        _errors(stable, canary),
        _latency(stable, canary, release.bounds),
        _feedback(disliked, liked),
    )
    return Standing(
        release=release,
        tallies={"stable": stable, "canary": canary},
        thumbs={"stable": disliked, "canary": liked},
        regressions=tuple(each for each in against if each is not None),
        missing=_missing(release, canary, now),
    )


def more_often(few: int, of_few: int, many: int, of_many: int) -> float:
    """How likely so uneven shares are by chance, ``many`` of ``of_many`` against ``few`` of ``of_few``.

    Fisher's exact test, one-sided: 1 where the second share is not the higher one.
    """
    if not (of_few and of_many) or many * of_few <= few * of_many:
        return 1.0
    total = few + many
    ways = comb(of_few + of_many, total)
    return sum(
        comb(of_many, number) * comb(of_few, total - number) / ways
        for number in range(many, min(total, of_many) + 1)
    )


def _errors(stable: Tally, canary: Tally) -> str | None:
    if more_often(stable.errors, stable.requests, canary.errors, canary.requests) >= LEVEL:
        return None
    return (
        f"{canary.errors} of {canary.requests} requests failed, against {stable.errors} of {stable.requests} "
        "as before"
    )


def _latency(stable: Tally, canary: Tally, bounds: Bounds) -> str | None:
    """Geometric means are compared by Welch's test of the logarithms: times to a first token spread by factors."""
    if min(stable.firsts, canary.firsts) < _LEAST_FIRSTS:
        return None
    apart = canary.first_log / canary.firsts - stable.first_log / stable.firsts
    ratio = exp(apart)
    spread = sqrt(_variance(stable) / stable.firsts + _variance(canary) / canary.firsts)
    surely = apart > 0 if spread == 0 else NormalDist().cdf(-apart / spread) < LEVEL
    if ratio <= bounds.slower or not surely:
        return None
    return f"the first token takes {ratio:.2f} times as long, and may take {bounds.slower:g} times"


def _feedback(stable: Thumbs, canary: Thumbs) -> str | None:
    of_stable, of_canary = stable.up + stable.down, canary.up + canary.down
    if more_often(stable.down, of_stable, canary.down, of_canary) >= LEVEL:
        return None
    return f"{canary.down} of {of_canary} rated replies are disliked, against {stable.down} of {of_stable} as before"


def _missing(release: Release, canary: Tally, now: datetime) -> tuple[str, ...]:
    bounds = release.bounds
    minutes = (now - release.begun_at).total_seconds() / 60
    missing: list[str] = []
    if canary.requests < bounds.requests:
        missing.append(f"{bounds.requests - canary.requests} more requests")
    if minutes < bounds.minutes:
        missing.append(f"{bounds.minutes - minutes:.0f} more minutes")
    return tuple(missing)


def _variance(tally: Tally) -> float:
    mean = tally.first_log / tally.firsts
    return max(0.0, (tally.first_log_squares - tally.firsts * mean * mean) / (tally.firsts - 1))
