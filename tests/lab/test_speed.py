"""How fast engines are: measured in turns, on the same prompts, with honest intervals."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from math import exp
from pathlib import Path

import pytest
from aiohttp import web

from causette.engines.types import Completed, Compute, Delta, Embeddings, EmbedRequest, GenerateRequest, Usage
from causette.errors import CausetteError, Unavailable
from causette.lab.carrying_out import begin, carry_out
from causette.lab.runs import Run, Runs
from causette.lab.speed import Speed, SpeedConfig, Timed, Turn, take_turns
from causette.lab.statistics import compare_times, estimate_mean
from causette.models import Catalogue, Models
from tests.lab.listening import Listener

CONFIG = SpeedConfig(prompts=3, words=4, tokens=5, concurrency=2, rounds=4)


class Prompt:
    """An engine that answers at once, and notes what it is asked in a book that several share."""

    context = 100

    def __init__(self, name: str, book: list[tuple[str, GenerateRequest]], *, tokens: int = 5) -> None:
        self._name, self._book, self._tokens = name, book, tokens
        self.at_once = self.most_at_once = 0
        self.lost = False

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        if self.lost:
            raise Unavailable("The engine is lost.")
        self._book.append((self._name, request))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            for _ in range(self._tokens):
                yield Delta(text="a")
            yield Completed(Usage(4, 0, self._tokens), Compute(compute_ns=500))
        finally:
            self.at_once -= 1

    async def embed(self, request: EmbedRequest) -> Embeddings:
        raise AssertionError("nobody asks for vectors")

    async def account(self, request_id: str) -> Completed | None:
        return None

    async def ready(self) -> bool:
        return True


async def test_engines_take_turns_on_the_same_prompts_and_no_prompt_comes_twice() -> None:
    book: list[tuple[str, GenerateRequest]] = []
    engines = {name: Prompt(name, book) for name in ("candidate", "baseline")}
    turns = await take_turns(engines, CONFIG, seed=0, exact=True)
    assert {name: len(each) for name, each in turns.items()} == {"candidate": 4, "baseline": 4}
    order = [name for name, _ in book][:: CONFIG.prompts]
    # The first round warms both up; then whoever was second is first.
    assert order[2:6] == ["candidate", "baseline", "baseline", "candidate"]
    asked = {name: [request.prompt for who, request in book if who == name] for name in engines}
    assert asked["candidate"] == asked["baseline"]
    assert len(set(asked["candidate"])) == 5 * CONFIG.prompts
    assert all(request.sampling.ignore_eos for _, request in book)
    assert engines["candidate"].most_at_once <= 2
    assert turns["candidate"][0].output_tokens == 15
    assert turns["candidate"][0].compute_ns_a_token == 100


async def test_an_engine_that_is_lost_or_says_nothing_is_an_error() -> None:
    silent = Prompt("it", [], tokens=0)
    with pytest.raises(CausetteError, match="without a token"):
        await take_turns({"it": silent}, CONFIG, seed=0, exact=False)
    silent.lost = True
    with pytest.raises(Unavailable, match="lost"):
        await take_turns({"it": silent}, CONFIG, seed=0, exact=False)


def test_figures_are_of_replies_and_turns() -> None:
    reply = Timed(first=0.5, last=2.5, output_tokens=5, compute_ns=0)
    speed = Speed.of([Turn(seconds=2.5, replies=(reply, reply))] * 4)
    assert speed.ttft.value == 0.5
    assert speed.tpot.value == 0.5
    assert speed.tokens_a_second.value == 4
    assert speed.output_tokens == 40
    one = Timed(first=0.5, last=0.5, output_tokens=1, compute_ns=0)
    with pytest.raises(CausetteError, match="two tokens"):
        Speed.of([Turn(seconds=1.0, replies=(one,))] * 4)


def test_students_interval_is_the_tables() -> None:
    # Student's t, 97.5 %: 3.182 with 3 degrees of freedom, 2.262 with 9.
    for count, quantile in ((4, 3.182), (10, 2.262)):
        values = [float(number % 2) for number in range(count)]
        spread = (sum((each - 0.5) ** 2 for each in values) / (count - 1) / count) ** 0.5
        assert estimate_mean(values).high - 0.5 == pytest.approx(quantile * spread, rel=0.01)
    with pytest.raises(ValueError, match="4 measurements"):
        estimate_mean([1.0, 2.0, 3.0])


def test_times_are_compared_in_pairs() -> None:
    # The machine got slower meanwhile, for both.
    before = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    found = compare_times(before, [1.1 * each for each in before])
    assert (found.value, found.low, found.high) == pytest.approx((1.1, 1.1, 1.1))


def test_turns_that_something_disturbed_move_their_ratio_little() -> None:
    before = [1.0 + 0.01 * (number % 3) for number in range(12)]
    after = [0.9 * each for each in before]
    after[3], before[8] = 3 * after[3], 3 * before[8]
    found = compare_times(before, after)
    assert 0.85 < found.low <= found.value <= found.high < 0.95


def test_the_interval_of_a_ratio_has_the_true_one_about_as_often_as_it_says() -> None:
    chance, held, runs = random.Random(1), 0, 1_000
    for _ in range(runs):
        found = compare_times([1.0] * 10, [exp(chance.gauss(0.1, 0.2)) for _ in range(10)])
        held += found.low <= exp(0.1) <= found.high
    assert 0.94 <= held / runs <= 0.98


def test_fewer_pairs_than_tell_anything_are_refused() -> None:
    with pytest.raises(ValueError, match="6 pairs"):
        compare_times([1.0] * 5, [1.0] * 5)


async def test_there_are_turns_until_they_are_enough() -> None:
    def ready_at(count: int) -> Callable[[Mapping[str, Sequence[Turn]]], bool]:
        return lambda turns: len(turns["it"]) >= count

    for count, most, expected in ((2, 9, 4), (7, 9, 7), (99, 9, 9), (99, 0, 4)):
        told: list[tuple[int, int]] = []
        turns = await take_turns(
            {"it": Prompt("it", [])},
            CONFIG,
            seed=0,
            exact=True,
            most=most,
            enough=ready_at(count),
            on_turn=lambda done, total, told=told: told.append((done, total)),
        )
        assert len(turns["it"]) == expected
        assert told[-1] == (expected, max(most, 4))


async def test_what_is_served_at_an_address_is_timed_too(tmp_path: Path) -> None:
    bodies: list[dict[str, object]] = []

    async def reply(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in ("one", " two", " three"):
            await response.write(
                f"data: {json.dumps({'choices': [{'delta': {'content': piece}}]})}\n\n".encode()
            )
        usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        end = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}
        await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    def run(url: str, name: str) -> Run:
        runs, speed = Runs(tmp_path / "runs"), {"prompts": 2, "words": 3, "tokens": 8, "rounds": 4}
        begin(runs, {"stage": "evaluate", "url": url, "model": "theirs", "speed": speed}, name=name)
        return carry_out(runs, name, Listener(), Models(tmp_path / "models", Catalogue.load()))

    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        run_ = await asyncio.to_thread(run, url, "theirs")
    finally:
        await runner.cleanup()
    assert run_.metrics.keys() >= {"ttft", "tpot", "tokens_a_second_low"}
    assert len(bodies) == 5 * 2
    # Others may not know our wish to go on after the end.
    assert all("ignore_eos" not in body and body["model"] == "theirs" for body in bodies)
    with pytest.raises(Unavailable):
        await asyncio.to_thread(run, url, "nobody")
