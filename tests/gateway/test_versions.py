"""Which version a request goes to, and what becomes of it when that one is away."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.engines.types import Completed, Compute, Delta, GenerateRequest, Usage
from causette.errors import InvalidRequest, Unavailable
from causette.gateway.versions import BUCKETS, Canary, Seen, Turn, Version, Versions, bucket, fingerprint
from causette.ids import new_id
from causette.releases.types import Arm
from tests.gateway.scripted import ScriptedEngine

LOST = Unavailable("The engine was lost.", code="engine_lost", retry_after=1.0)
HELLO, DONE = Delta(text="Hello"), Completed(Usage(3, 0, 7), Compute(compute_ns=900))
REQUEST = GenerateRequest(id="req", model="small", prompt="Say hello")

users = st.text(min_size=1, max_size=40)
shares = st.floats(min_value=0.01, max_value=100)


class Engine(ScriptedEngine):
    """A scripted engine that may be away."""

    away = False

    async def ready(self) -> bool:
        return not self.away


class Arms:
    """A deployment with a canary, and what was told of it."""

    def __init__(self, canary: Engine, stable: Engine, share_percent: float = 100) -> None:
        self.told: list[tuple[Arm, Seen]] = []
        self.base = Version(stable)
        self.canary = Version(canary, release_id="rel_1")
        self.versions = Versions(self.base)
        self.versions.serve(
            base=self.base,
            stable=self.base,
            canary=Canary(
                version=self.canary,
                release_id="rel_1",
                share_percent=share_percent,
                tell=lambda arm, user_id, seen: self.told.append((arm, seen)),
            ),
        )


def canary_of(release_id: str, share_percent: float) -> Canary:
    return Canary(
        version=Version(Engine()),
        release_id=release_id,
        share_percent=share_percent,
        tell=lambda arm, user_id, seen: None,
    )


async def said(turn: Turn) -> list[Delta | Completed]:
    return [item async for item in turn.generate(REQUEST)]


# Who is served a canary


@given(users, shares, shares)
def test_who_is_served_a_canary_stays_so_when_more_are(user: str, one: float, other: float):
    fewer, more = sorted((one, other))
    assert canary_of("rel_1", fewer).takes(user) <= canary_of("rel_1", more).takes(user)


@given(users)
def test_all_of_a_hundred_are_everybody(user: str):
    assert canary_of("rel_1", 100).takes(user)


@pytest.mark.parametrize("percent", [0.5, 5, 37])
def test_as_many_are_served_a_canary_as_the_share_says(percent: float):
    canary, people = canary_of("rel_1", percent), 20_000
    share = percent / 100
    taken = sum(canary.takes(f"user_{number}") for number in range(people))
    # Five standard deviations of a binomial distribution.
    assert abs(taken - people * share) < 5 * (people * share * (1 - share)) ** 0.5


def test_each_release_is_served_to_others_first():
    first = {user for user in map(str, range(2_000)) if canary_of("rel_1", 10).takes(user)}
    second = {user for user in map(str, range(2_000)) if canary_of("rel_2", 10).takes(user)}
    assert len(first & second) < len(first) / 2


def test_a_place_is_the_same_in_every_process_and_for_good():
    assert bucket("rel_06FbeYUb9XrYzGqUYDzfM1", "user_06FbeYUb9XrYzGqUYDzfM2") == 630
    assert all(0 <= bucket(new_id("rel"), new_id("user")) < BUCKETS for _ in range(100))


def test_a_fingerprint_is_that_of_the_weights():
    assert fingerprint("rel_1", "abc") == fingerprint("rel_1", "abc") != fingerprint("rel_2", "abc")
    assert fingerprint("rel_1", "abc").startswith("fp_")


# What answers


async def test_where_nothing_is_released_the_engine_itself_is_asked():
    engine = Engine(HELLO, DONE)
    turn = Versions(Version(engine, fingerprint="fp_base")).turn("user_1")
    assert await said(turn) == [HELLO, DONE]
    assert (turn.version.release_id, turn.version.fingerprint) == (None, "fp_base")


async def test_a_canary_answers_those_who_are_served_it_and_both_arms_are_tallied():
    arms = Arms(Engine(HELLO, DONE), Engine(HELLO, DONE), share_percent=50)
    versions, canary = arms.versions, arms.versions.canary
    assert canary is not None
    (chosen, *_), (others, *_) = (
        [user for user in map(str, range(100)) if canary.takes(user) is served] for served in (True, False)
    )
    for user, release_id, arm in ((chosen, "rel_1", "canary"), (others, None, "stable")):
        turn = versions.turn(user)
        assert await said(turn) == [HELLO, DONE]
        assert turn.version.release_id == release_id
        told, seen = arms.told.pop()
        assert told == arm
        assert (seen.failed, seen.output_tokens, seen.compute_ns) == (False, 7, 900)
        assert seen.first_seconds is not None and 0 < seen.first_seconds < 1


async def test_what_is_released_answers_everybody():
    base, released = Version(Engine(LOST)), Version(Engine(HELLO, DONE), release_id="rel_1")
    versions = Versions(base)
    versions.serve(base=base, stable=released, canary=None)
    turn = versions.turn("user_1")
    assert await said(turn) == [HELLO, DONE]
    assert turn.version is released


async def test_a_canary_that_is_lost_before_its_first_token_is_an_error_and_no_lost_reply():
    arms = Arms(Engine(LOST), Engine(HELLO, DONE))
    turn = arms.versions.turn("user_1")
    assert await said(turn) == [HELLO, DONE]
    assert turn.version is arms.base
    # The request was the canary's: it is counted once, and there.
    assert arms.told == [("canary", Seen(failed=True))]


async def test_a_canary_that_is_away_is_not_waited_for():
    canary = Engine(HELLO, DONE)
    canary.away = True
    arms = Arms(canary, Engine(HELLO, DONE))
    turn = arms.versions.turn("user_1")
    assert await said(turn) == [HELLO, DONE]
    assert (turn.version, canary.requests) == (arms.base, [])
    assert arms.told == [("canary", Seen(failed=True))]


async def test_when_all_are_away_the_first_one_is_waited_for():
    canary, stable = Engine(HELLO, DONE), Engine(LOST)
    canary.away = stable.away = True
    arms = Arms(canary, stable)
    turn = arms.versions.turn("user_1")
    assert await said(turn) == [HELLO, DONE]
    assert turn.version is arms.canary


async def test_a_reply_that_has_begun_is_not_begun_again():
    stable = Engine(HELLO, DONE)
    arms = Arms(Engine(HELLO, LOST), stable)
    turn, heard = arms.versions.turn("user_1"), list[Delta | Completed]()
    with pytest.raises(Unavailable, match="lost"):
        async for item in turn.generate(REQUEST):
            heard.append(item)
    assert (heard, stable.requests, turn.version) == ([HELLO], [], arms.canary)
    ((arm, seen),) = arms.told
    assert (arm, seen.failed, seen.first_seconds is not None) == ("canary", True, True)


async def test_a_canary_a_release_and_the_base_are_tried_in_this_order():
    arms = Arms(Engine(LOST), Engine(HELLO, DONE))
    released = Version(Engine(LOST), release_id="rel_0")
    arms.versions.serve(base=arms.base, stable=released, canary=arms.versions.canary)
    turn = arms.versions.turn("user_1")
    assert await said(turn) == [HELLO, DONE]
    assert turn.version is arms.base
    assert all(len(version.engine.requests) == 1 for version in (arms.canary, released))  # type: ignore[attr-defined]


async def test_when_nobody_answers_the_last_ones_word_is_passed_on():
    arms = Arms(Engine(LOST), Engine(Unavailable("Stopping.", code="engine_down")))
    with pytest.raises(Unavailable, match="Stopping"):
        await said(arms.versions.turn("user_1"))


async def test_a_refusal_is_the_answer_and_no_error_of_the_canary():
    stable = Engine(HELLO, DONE)
    arms = Arms(Engine(InvalidRequest("Too long.", code="context_length_exceeded")), stable)
    with pytest.raises(InvalidRequest):
        await said(arms.versions.turn("user_1"))
    assert (stable.requests, arms.told) == ([], [])


async def test_a_reader_who_leaves_is_no_error_of_the_canary():
    arms = Arms(Engine(Delta(text="Hello", output_tokens=1), asyncio.Event()), Engine())
    items = arms.versions.turn("user_1").generate(REQUEST)
    await anext(items)
    await items.aclose()
    ((_, seen),) = arms.told
    assert (seen.failed, seen.output_tokens, seen.compute_ns) == (False, 1, 0)


async def test_what_a_request_took_is_asked_of_every_version():
    arms = Arms(Engine(), Engine())
    assert await arms.versions.account("req") is None
    assert isinstance(arms.canary.engine, Engine)
    arms.canary.engine.record = DONE
    assert await arms.versions.account("req") == DONE


async def test_an_engine_is_let_go_when_the_last_request_ends_that_may_need_it():
    arms = Arms(Engine(HELLO, DONE), Engine(HELLO, DONE))
    turns = [arms.versions.turn("user_1"), arms.versions.turn("user_2")]
    for turn in turns:
        turn.hold()
    idle = asyncio.create_task(arms.base.idle())
    turns[0].let_go()
    await asyncio.sleep(0)
    assert not idle.done()
    turns[1].let_go()
    await asyncio.wait_for(idle, 1)
    await asyncio.wait_for(arms.canary.idle(), 1)


async def test_it_is_there_as_long_as_anything_is_that_answers_everybody():
    base, released = Engine(), Engine()
    versions = Versions(Version(base))
    versions.serve(base=versions.base, stable=Version(released, release_id="rel_1"), canary=None)
    for base.away, released.away, ready in ((True, False, True), (False, True, True), (True, True, False)):
        assert await versions.ready() is ready
