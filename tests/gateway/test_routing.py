"""Where requests go when there are several replicas, and what becomes of them when one fails."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest

from causette.engines.types import (
    ChatMessage,
    Completed,
    Delta,
    Embeddings,
    EmbedRequest,
    GenerateRequest,
    Sampling,
    Usage,
)
from causette.errors import CausetteError, InvalidRequest, TooManyRequests, Unavailable
from causette.gateway.routing import Replica, Router
from causette.ids import new_id
from tests.waiting import eventually

DONE = Completed(Usage(input_tokens=5, output_tokens=1))
LOST = Unavailable("The engine was lost.", code="engine_lost", retry_after=2.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Peer:
    """An engine that answers ``hi``, unless it is to fail before or after that, or to wait."""

    def __init__(self, *, context: int = 4096) -> None:
        self.context = context
        self.before: Exception | None = None
        self.after: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.there = True
        self.asked: list[str] = []
        self.probed = 0
        self.accounts: dict[str, Completed] = {}

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        self.asked.append(request.id)
        if self.before is not None:
            raise self.before
        if self.hold is not None:
            await self.hold.wait()
        yield Delta(text="hi")
        if self.after is not None:
            raise self.after
        yield DONE

    async def embed(self, request: EmbedRequest) -> Embeddings:
        self.asked.append(request.id)
        if self.before is not None:
            raise self.before
        return Embeddings([[1.0]], DONE.usage, DONE.compute)

    async def account(self, request_id: str) -> Completed | None:
        return self.accounts.get(request_id)

    async def ready(self) -> bool:
        self.probed += 1
        return self.there


def router(*peers: Peer, clock: Clock | None = None, **every: object) -> Router:
    replicas = [
        Replica(engine=peer, id=f"http://gpu{number}", machine=f"gpu{number}", **every)  # type: ignore[arg-type]
        for number, peer in enumerate(peers)
    ]
    return Router("small", replicas, clock=clock or Clock())


def chat(opening: str, *more: str, max_tokens: int = 100) -> GenerateRequest:
    turns = [ChatMessage("user", opening)]
    turns += [ChatMessage(("assistant", "user")[at % 2], said) for at, said in enumerate(more)]
    return GenerateRequest(new_id("test"), "small", tuple(turns), Sampling(max_tokens=max_tokens))


async def ask(to: Router, request: GenerateRequest) -> list[Delta | Completed]:
    async with aclosing(to.generate(request)) as items:
        return [item async for item in items]


async def asked_together(to: Router, peers: list[Peer], requests: list[GenerateRequest]) -> list[int]:
    """How many of the requests each peer got while none of them had ended."""
    for peer in peers:
        peer.hold = asyncio.Event()
    tasks: list[asyncio.Task[list[Delta | Completed]]] = []
    for request in requests:
        tasks.append(asyncio.create_task(ask(to, request)))
        await eventually(lambda: sum(len(peer.asked) for peer in peers) == len(tasks), "it to be asked")
    counts = [len(peer.asked) for peer in peers]
    for peer in peers:
        assert peer.hold is not None
        peer.hold.set()
    await asyncio.gather(*tasks)
    return counts


async def test_a_conversation_stays_where_it_began_and_conversations_are_shared_out():
    peers = [Peer(), Peer(), Peer()]
    to = router(*peers)
    for number in range(60):
        request = chat(f"question {number}")
        await ask(to, request)
        home = to.served_by(request.id)
        for more in (("a",), ("a", "b"), ("a", "b", "c")):
            later = chat(f"question {number}", *more)
            await ask(to, later)
            assert to.served_by(later.id) is home
    assert min(len(peer.asked) for peer in peers) > 40


async def test_when_a_replica_comes_only_the_conversations_that_it_wins_move():
    old, new = router(Peer(), Peer()), router(Peer(), Peer(), Peer())
    moved = Counter[str]()
    for number in range(100):
        before, after = chat(f"question {number}"), chat(f"question {number}")
        await ask(old, before)
        await ask(new, after)
        first, second = old.served_by(before.id), new.served_by(after.id)
        assert first is not None
        assert second is not None
        if first.id != second.id:
            moved[second.id] += 1
    assert set(moved) == {"http://gpu2"}
    assert 15 < moved["http://gpu2"] < 55


async def test_a_popular_beginning_is_spread_out_before_it_drowns_its_replica():
    peers = [Peer(), Peer(), Peer()]
    counts = await asked_together(router(*peers), peers, [chat("the same")] * 30)
    # A quarter more than the mean, and the one request that reaches it.
    assert max(counts) <= 30 / 3 * 1.25 + 1


async def test_a_full_replica_is_spared_while_another_has_a_place():
    peers = [Peer(), Peer()]
    home = router(*peers, slots=2)
    counts = await asked_together(home, peers, [chat("the same", max_tokens=1) for _ in range(4)])
    assert counts == [2, 2]


async def test_what_fails_before_its_first_token_is_answered_by_another_replica():
    peers = [Peer(), Peer()]
    to = router(*peers)
    for number in range(10):
        request = chat(f"question {number}")
        peers[0].before = LOST
        assert await ask(to, request) == [Delta(text="hi"), DONE]
        served = to.served_by(request.id)
        assert served is not None
        assert served.machine == "gpu1"


async def test_what_fails_after_its_first_token_is_not_begun_again():
    peers = [Peer(), Peer()]
    for peer in peers:
        peer.after = LOST
    came: list[Delta | Completed] = []
    with pytest.raises(Unavailable) as lost:
        async with aclosing(router(*peers).generate(chat("hello"))) as items:
            async for item in items:
                came.append(item)
    assert lost.value is LOST
    assert came == [Delta(text="hi")]
    assert sum(len(peer.asked) for peer in peers) == 1


@pytest.mark.parametrize("refusal", [InvalidRequest("too long"), TooManyRequests("full", retry_after=1.0)])
async def test_a_refusal_is_passed_on_and_speaks_well_of_its_replica(refusal: CausetteError):
    peers = [Peer(), Peer()]
    to = router(*peers)
    for peer in peers:
        peer.before = refusal
    for number in range(12):
        with pytest.raises(type(refusal)):
            await ask(to, chat(f"question {number}"))
    assert sum(len(peer.asked) for peer in peers) == 12


async def test_a_failing_replica_is_left_out_and_taken_back_when_it_says_that_it_is_there():
    peers, clock = [Peer(), Peer()], Clock()
    to = router(*peers, clock=clock)
    peers[0].before, peers[0].there = LOST, False
    await ask_until_asked(to, peers[0])
    await eventually(lambda: peers[0].probed > 0, "the failing one to be asked whether it is there")
    before = len(peers[0].asked)
    for number in range(20):
        await ask(to, chat(f"left out {number}"))
    assert len(peers[0].asked) == before
    peers[0].before, peers[0].there = None, True
    clock.now += 60
    probed = peers[0].probed
    await ask(to, chat("hello"))
    await eventually(lambda: peers[0].probed > probed, "it to be asked again")
    await ask_until_asked(to, peers[0])


async def ask_until_asked(to: Router, peer: Peer) -> None:
    """Conversations, until one of them belongs to ``peer``."""
    before = len(peer.asked)
    for number in range(100):
        await ask(to, chat(f"question {number}"))
        if len(peer.asked) > before:
            return
    pytest.fail("no conversation belongs to it")


async def test_when_all_are_left_out_callers_hear_at_once_when_to_come_back():
    peers, clock = [Peer(), Peer()], Clock()
    to = router(*peers, clock=clock)
    for peer in peers:
        peer.before = LOST
    while True:
        clock.now += 0.01
        with pytest.raises(Unavailable) as refused:
            await ask(to, chat("hello"))
        if refused.value is not LOST:
            break
    asked = sum(len(peer.asked) for peer in peers)
    with pytest.raises(Unavailable) as refused:
        await ask(to, chat("hello"))
    assert refused.value.code == "engine_down"
    assert refused.value.retry_after is not None
    assert 1.0 <= refused.value.retry_after <= 1.5
    assert sum(len(peer.asked) for peer in peers) == asked
    # Whoever comes back then is answered, if there is an answer again.
    for peer in peers:
        peer.before = None
    clock.now += refused.value.retry_after
    assert await ask(to, chat("hello")) == [Delta(text="hi"), DONE]


async def test_the_only_replica_is_asked_once_more_when_its_connection_was_lost():
    peer = Peer()
    peer.before = LOST
    with pytest.raises(Unavailable):
        await ask(router(peer), chat("hello"))
    assert len(peer.asked) == 2
    peer.before = Unavailable("no", code="engine_model_missing")
    with pytest.raises(Unavailable):
        await ask(router(peer), chat("hello"))
    assert len(peer.asked) == 3


async def test_retries_are_a_share_of_the_requests():
    peers, clock = [Peer(), Peer()], Clock()
    to = router(*peers, clock=clock)
    failing = Unavailable("no", code="engine_error")
    for number in range(200):
        # Each replica fails every other time: no circuit opens for failures in a row.
        for peer in peers:
            peer.before = failing
        clock.now += 60
        with pytest.raises(Unavailable):
            await ask(to, chat(f"question {number}"))
    assert sum(len(peer.asked) for peer in peers) <= 200 * 1.2 + 10


async def test_a_replica_that_does_not_begin_in_time_is_given_up_for_another():
    peers = [Peer(), Peer()]
    to = router(*peers, timeout_first_token=0.05)
    peers[0].hold = asyncio.Event()
    for number in range(6):
        assert await ask(to, chat(f"question {number}")) == [Delta(text="hi"), DONE]
    assert peers[0].asked


async def test_a_reply_that_does_not_end_in_time_is_ended():
    class Endless(Peer):
        async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
            yield Delta(text="hi")
            await asyncio.Event().wait()

    with pytest.raises(Unavailable) as late:
        await ask(router(Endless(), timeout_total=0.05), chat("hello"))
    assert late.value.code == "engine_timeout"
    assert late.value.retry_after


async def test_new_work_goes_around_a_slow_replica():
    peers = [Peer(), Peer()]
    to = router(*peers)
    peers[0].hold = asyncio.Event()
    slow = [asyncio.create_task(ask(to, chat(f"question {number}"))) for number in range(8)]
    await eventually(lambda: len(peers[0].asked) > 0, "the slow one to be asked")
    await eventually(lambda: sum(len(peer.asked) for peer in peers) == 8, "all to be asked")
    stuck = len(peers[0].asked)
    for number in range(100, 140):
        await ask(to, chat(f"question {number}"))
    assert len(peers[0].asked) == stuck
    peers[0].hold.set()
    await asyncio.gather(*slow)


async def test_who_leaves_frees_the_place_and_says_nothing_against_the_replica():
    peer = Peer()
    to = router(peer, slots=1)
    peer.hold = asyncio.Event()
    for number in range(12):
        task = asyncio.create_task(ask(to, chat(f"question {number}")))
        await eventually(lambda number=number: len(peer.asked) == number + 1, "it to be asked")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    peer.hold.set()
    assert await ask(to, chat("hello")) == [Delta(text="hi"), DONE]


async def test_an_account_is_asked_of_whoever_worked_on_it():
    peers = [Peer(), Peer()]
    to = router(*peers)
    request = chat("hello")
    await ask(to, request)
    for number, peer in enumerate(peers):
        peer.accounts[request.id] = Completed(Usage(output_tokens=number))
    served = to.served_by(request.id)
    assert served is not None
    assert await to.account(request.id) == await served.engine.account(request.id)
    # After a restart nobody remembers who it was.
    peers[1].accounts["test_old"] = DONE
    assert await to.account("test_old") == DONE
    assert await to.account("test_unknown") is None


async def test_vectors_are_made_by_another_replica_when_one_fails():
    peers = [Peer(), Peer()]
    peers[0].before = LOST
    made = await router(*peers).embed(EmbedRequest("test_1", "small", ("a",)))
    assert made.vectors == [[1.0]]


async def test_several_replicas_are_as_ready_as_the_first_and_take_what_all_of_them_take():
    peers = [Peer(context=8192), Peer(context=2048)]
    to = router(*peers)
    assert to.context == 2048
    peers[0].there = False
    assert await to.ready()
    peers[1].there = False
    assert not await to.ready()


async def test_whether_a_deployment_is_up_is_known_from_its_requests_and_from_asking_it():
    peer, clock = Peer(), Clock()
    to = router(peer, clock=clock)
    assert to.seems_up()
    assert peer.probed == 0
    # It goes away while nobody needs it.
    peer.there = False
    clock.now += 11
    to.seems_up()
    await eventually(lambda: not to.seems_up(), "it to be found away")
    peer.there = True
    await eventually(to.seems_up, "it to be found back")
    # Its requests fail.
    peer.before = LOST
    for _ in range(10):
        clock.now += 0.01
        with suppress(Unavailable):
            await ask(to, chat("Hi"))
    assert not to.seems_up()
    peer.before = None
    clock.now += 2
    await eventually(to.seems_up, "it to be back after its pause")


async def test_a_deployment_is_up_while_one_of_its_replicas_is():
    peers, clock = [Peer(), Peer()], Clock()
    to = router(*peers, clock=clock)
    peers[0].there = False
    clock.now += 11
    to.seems_up()
    await eventually(lambda: all(peer.probed for peer in peers), "both to be asked")
    assert to.seems_up()
