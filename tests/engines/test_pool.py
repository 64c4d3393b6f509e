"""Engines of many models, of which a few run at a time: scripted here, and real in tests/lab/fine_tuning."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from causette.engines import kept_records, pool
from causette.engines.pool import EnginePool, PooledEngine
from causette.engines.supervisor import EmbeddedConfig, State
from causette.engines.types import ChatMessage, Completed, Compute, Delta, GenerateRequest, Usage
from causette.errors import Unavailable
from tests.waiting import eventually


class Engine:
    """An engine that says its name."""

    all: "list[Engine]"

    def __init__(self, config: EmbeddedConfig) -> None:
        self.config = config
        self.state = State.DOWN
        self.started = self.stopped = False
        Engine.all.append(self)

    def start(self) -> None:
        if not self.started:
            self.started, self.state = True, State.READY

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self.started, self.stopped, self.state = False, True, State.DOWN
        if self.config.records is not None:
            kept_records.keep(self.config.records, {"kept": Completed(Usage(1, output_tokens=1))})

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        yield Delta(text=self.config.name)
        yield Completed(Usage(1, output_tokens=1), Compute())

    async def account(self, request_id: str) -> Completed | None:
        return Completed(Usage(9)) if request_id == "running" else None


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    Engine.all = []
    monkeypatch.setattr(pool, "EmbeddedEngine", Engine)


def config(name: str, folder: Path | None = None) -> EmbeddedConfig:
    records = None if folder is None else folder / f"{name}.jsonl"
    return EmbeddedConfig(kind="text", name=name, model=Path(name), context=64, records=records)


async def say(engine: PooledEngine) -> str:
    """What the first piece of a reply is, once the reply is whole."""
    request = GenerateRequest("test", "model", (ChatMessage("user", "Who are you?"),))
    pieces = [item async for item in engine.generate(request)]
    assert isinstance(pieces[0], Delta) and isinstance(pieces[-1], Completed)
    return pieces[0].text


def running() -> list[str]:
    return [engine.config.name for engine in Engine.all if engine.started]


async def test_a_model_has_one_engine_which_stays_for_the_next_request() -> None:
    engines = EnginePool(2, idle_seconds=60)
    first, again = PooledEngine(engines, config("one")), PooledEngine(engines, config("one"))
    assert not await first.ready()
    assert await asyncio.gather(say(first), say(again)) == ["one", "one"]
    assert len(Engine.all) == 1 and await again.ready()
    assert first.context == 64
    await engines.close()
    assert running() == []
    with pytest.raises(Unavailable) as caught:
        await say(first)
    assert caught.value.code == "engine_down"


async def test_the_one_that_was_asked_longest_ago_makes_room() -> None:
    engines = EnginePool(2, idle_seconds=60)
    one, two, three = (PooledEngine(engines, config(name)) for name in ("one", "two", "three"))
    for each in (one, two, one, three):
        await say(each)
    assert running() == ["one", "three"]
    assert await say(two) == "two"
    assert running() == ["three", "two"]
    await engines.close()


async def test_one_that_works_is_waited_for_and_then_makes_room() -> None:
    engines = EnginePool(1, idle_seconds=60)
    async with engines.running(config("one")):
        waiting = asyncio.create_task(say(PooledEngine(engines, config("two"))))
        await asyncio.sleep(0.05)
        assert running() == ["one"]
    assert await waiting == "two"
    assert running() == ["two"]
    await engines.close()


async def test_whoever_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 0.05)
    engines = EnginePool(1, idle_seconds=60)
    async with engines.running(config("one")):
        with pytest.raises(Unavailable) as caught:
            await say(PooledEngine(engines, config("two")))
    assert (caught.value.code, caught.value.retry_after) == ("engines_busy", 5.0)
    # Whoever gave up holds nothing.
    assert await say(PooledEngine(engines, config("two"))) == "two"
    await engines.close()


async def test_whoever_leaves_holds_nothing() -> None:
    engines = EnginePool(1, idle_seconds=60)
    request = GenerateRequest("test", "model", "Who are you?")
    async with aclosing(PooledEngine(engines, config("one")).generate(request)) as items:
        await anext(items)
    assert await say(PooledEngine(engines, config("two"))) == "two"
    await engines.close()


async def test_what_must_not_be_loaded_never_is() -> None:
    engines, looked = EnginePool(1, idle_seconds=60), 0

    async def changed() -> None:
        nonlocal looked
        looked += 1
        raise Unavailable("These are not its weights.", code="weights_changed")

    broken = PooledEngine(engines, config("broken"), changed)
    for _ in range(2):
        with pytest.raises(Unavailable, match="not its weights"):
            await say(broken)
    # It is looked at anew each time: somebody may have mended it.
    assert looked == 2
    assert not any(engine.started for engine in Engine.all)
    assert await say(PooledEngine(engines, config("good"))) == "good"
    await engines.close()


async def test_one_that_fails_is_not_kept() -> None:
    engines = EnginePool(1, idle_seconds=60)
    async with engines.running(config("one")):
        Engine.all[0].state = State.DOWN
    await eventually(lambda: Engine.all[0].stopped, "it to be ended")
    assert await say(PooledEngine(engines, config("one"))) == "one"
    assert len(Engine.all) == 2
    await engines.close()


async def test_one_that_nobody_asks_is_ended_and_what_it_took_is_known(tmp_path: Path) -> None:
    engines = EnginePool(1, idle_seconds=0.05)
    engines.open()
    one = PooledEngine(engines, config("one", tmp_path))
    await say(one)
    assert await one.account("running") == Completed(Usage(9))
    await eventually(lambda: running() == [], "its end")
    found = await one.account("kept")
    assert found is not None and found.usage == Usage(1, output_tokens=1)
    assert await one.account("running") is None
    await engines.close()


async def test_a_model_that_is_forgotten_is_started_anew_when_it_is_asked() -> None:
    engines = EnginePool(2, idle_seconds=60)
    one = PooledEngine(engines, config("one"))
    await say(one)
    await engines.forget("one")
    await engines.forget("nobody")
    assert running() == []
    assert await say(one) == "one"
    await engines.close()
