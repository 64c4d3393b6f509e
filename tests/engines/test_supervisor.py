"""Engine processes that are killed, cannot start, or lose their parent."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
import structlog

from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine, State
from causette.errors import Unavailable
from tests.conftest import NewEngine
from tests.engines.asking import Reply, ask
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

STORY = "Tell me a short story about a cat and a dog."

#: A parent that starts an engine, says its process id once it is in the state that is named, and waits.
PARENT = """
import asyncio, sys
from pathlib import Path
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine, State

async def main():
    engine = EmbeddedEngine(EmbeddedConfig(
        kind=sys.argv[1], name="model", model=Path(sys.argv[2]), context=8192, kv_cache_gb=1))
    engine.start()
    while engine.pid is None or engine.state is not State(sys.argv[3]):
        await asyncio.sleep(0.01)
    print(engine.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_killed_in_the_middle_it_is_back_and_those_it_served_are_told_to_come_again(
    new_engine: NewEngine,
):
    engine = new_engine()
    restarted: list[str] = []
    engine.on_restart = restarted.append
    await ask(engine, "Hello", max_tokens=1)
    first_pid = engine.pid
    assert first_pid is not None
    asked = [
        asyncio.create_task(ask(engine, f"{STORY} {number}", max_tokens=4000, ignore_eos=True))
        for number in range(8)
    ]

    async def all_running() -> bool:
        return (await engine.stats()).running == 8

    await eventually(all_running, "eight replies to run")
    os.kill(first_pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, Unavailable)
        assert outcome.code == "engine_lost"
        assert outcome.retry_after
        assert outcome.retry_after > 0

    async def answered_again() -> bool:
        try:
            return isinstance(await ask(engine, "Hello", max_tokens=2), Reply)
        except Unavailable as error:
            # Whoever asks in the instant before the death is noticed is told to come again, too.
            assert error.code == "engine_lost"
            return False

    await eventually(answered_again, "the engine to be back", seconds=10)
    assert engine.pid != first_pid
    assert engine.restarts == 1
    assert restarted == [engine.config.name]


async def test_a_model_that_cannot_be_loaded_is_reported_and_tried_ever_more_rarely(
    new_engine: NewEngine, tmp_path: Path
):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(64))
    engine = new_engine(model=broken)
    with structlog.testing.capture_logs() as logs:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable) as refused:
            await ask(engine, "Hello")
        took = asyncio.get_running_loop().time() - began
        assert refused.value.code == "engine_down"
        assert "log" in refused.value.message
        assert refused.value.retry_after
        assert engine.state is State.DOWN
        # The second attempt came half a second after the first; the third waits for a second.
        assert engine.restarts == 2
        assert took > 0.5
        # Others are not made to wait at all.
        with pytest.raises(Unavailable):
            await asyncio.wait_for(ask(engine, "Hello"), 0.5)
    said = [str(entry.get("line", "")) for entry in logs if entry["event"] == "engine says"]
    assert any(str(broken) in line and "cannot be loaded" in line for line in said)
    tried = [entry for entry in logs if entry["event"] == "engine could not be started and is tried again"]
    assert {entry["ending"] for entry in tried} == {"exit code 66"}


async def test_a_broken_engine_that_is_mended_comes_back(
    new_engine: NewEngine, text_config: EmbeddedConfig, tmp_path: Path
):
    path = tmp_path / "model.gguf"
    engine = new_engine(model=path)
    with pytest.raises(Unavailable):
        await ask(engine, "Hello")
    path.symlink_to(text_config.model)
    await eventually(engine.ready, "the engine to be ready", seconds=30)
    assert (await ask(engine, "Hello", max_tokens=2)).completed.usage.output_tokens == 2


async def test_a_stop_ends_even_an_engine_that_is_still_loading(new_engine: NewEngine):
    engine = new_engine()
    engine.start()
    await eventually(lambda: engine.pid is not None, "a process")
    pid = engine.pid
    assert pid is not None
    await asyncio.wait_for(engine.stop(), 5)
    assert not _alive(pid)
    assert engine.restarts == 0


@pytest.mark.parametrize("state", [State.STARTING, State.READY])
async def test_an_engine_ends_with_its_parent_and_leaves_nothing_behind(
    text_model_path: Path, tmp_path: Path, state: State
):
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, "text", str(text_model_path), state.value),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 30))
    assert _alive(pid)
    parent.kill()
    await parent.wait()
    await eventually(lambda: not _alive(pid), "the engine to end", seconds=2)
    assert list(tmp_path.iterdir()) == []


async def test_nothing_is_started_before_it_is_needed(text_config: EmbeddedConfig):
    engine = EmbeddedEngine(text_config)
    assert engine.state is State.DOWN
    assert engine.pid is None
    assert not await engine.ready()
    with pytest.raises(Unavailable) as down:
        await engine.stats()
    assert down.value.code == "engine_down"
    await engine.stop()


def _alive(pid: int) -> bool:
    try:
        # After the name, which is in brackets. One that has ended and nobody has waited for is a zombie.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
