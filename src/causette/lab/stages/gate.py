"""``causette lab gate``: a candidate and what is served now, in the house's engine, on the same problems in turns.

checkpoints/  the replies of each task that is done, so that a run that is resumed does not put it again
artifact/     checks.json; replies/candidate and replies/baseline, a file for each task; turns.json
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from time import perf_counter
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.engines.thinking import Tags
from causette.lab.comparing import Reply
from causette.lab.disk import whole_file, whole_folder
from causette.lab.evaluating import put
from causette.lab.gate import Measured, Policy, is_known, judge
from causette.lab.recipes import Config
from causette.lab.replies import Sampling
from causette.lab.serving import EngineReplies, peak_memory, started
from causette.lab.speed import Turn, take_turns
from causette.lab.stages.workbench import Workbench
from causette.lab.tasks import Fetched, Task, find_task
from causette.lab.types import Artifact, Events
from causette.releases import Check
from causette.releases.weights import check

Arm = Literal["candidate", "baseline"]
ARMS: Final[tuple[Arm, ...]] = ("candidate", "baseline")
CHECKS: Final = "checks.json"

T = TypeVar("T")


class ArmConfig(Config, frozen=True):
    """A model: what it is called, its weights, and what they have to be."""

    name: str
    weights: Path
    sha256: str


class StageConfig(Config, frozen=True):
    """Who is compared with whom, by what policy, and how they are served."""

    candidate: ArmConfig
    baseline: ArmConfig
    policy: Policy
    context: Annotated[int, Meta(ge=1)]
    thinking: Tags = "none"
    kv_cache_gb: Annotated[int, Meta(ge=1)] = 2
    #: What an hour of the machine costs, in nano-dollars.
    nano_an_hour: Annotated[int, Meta(ge=0)] = 0
    #: Whether the candidate is for its owner alone, and the policy what is asked of those.
    private: bool = False


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """What ``checks.json`` has."""

    checks: tuple[Check, ...]
    #: How long it took, as far as this process has seen it.
    seconds: float


class _Speed(msgspec.Struct, frozen=True, kw_only=True):
    turns: dict[Arm, list[Turn]]
    memory: dict[Arm, int | None]


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Measure both, and judge the candidate."""
    began = perf_counter()
    for arm in ARMS:
        check(_config_of(config, arm).weights, _config_of(config, arm).sha256)
    measuring = _Measuring(config, events, workbench)
    measured, speed = measuring.measure()
    checks = judge(
        config.policy,
        *(
            Measured(
                scores={
                    task: {reply.problem: reply.score for reply in replies}
                    for task, replies in measured[arm].items()
                },
                turns=speed.turns[arm],
                memory=speed.memory[arm],
                size=_config_of(config, arm).weights.stat().st_size,
            )
            for arm in ARMS
        ),
        nano_an_hour=config.nano_an_hour,
        private=config.private,
    )
    for each in checks:
        events.note(f"{'passed' if each.passed else 'FAILED'}  {each.group}  {each.name}: {each.found}")
    # Of a process that died before it was noted.
    rmtree(workbench.artifact, ignore_errors=True)
    with whole_folder(workbench.artifact) as folder:
        for arm, tasks in measured.items():
            for task, replies in tasks.items():
                place = folder / "replies" / arm / f"{quote(task, safe='')}.jsonl"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(b"".join(msgspec.json.encode(reply) + b"\n" for reply in replies))
        _write(folder / "turns.json", speed)
        _write(folder / CHECKS, Checks(checks=tuple(checks), seconds=perf_counter() - began))
    return Artifact(
        kind="gate",
        path=workbench.artifact,
        metrics={
            "checks": len(checks),
            "failed": sum(not each.passed for each in checks),
            **{f"{each.group}: {each.name}": each.candidate for each in checks},
        },
    )


class _Measuring:
    """What is measured, piece by piece: a piece that is done is on disk, and is not done again."""

    def __init__(self, config: StageConfig, events: Events, workbench: Workbench) -> None:
        policy = config.policy
        self._config = config
        self._events = events
        self._pieces = workbench.checkpoints
        #: Each task with how many problems there are of it, and how long replies are.
        self._tasks: list[tuple[Task, int, int]] = [
            *(
                (find_task(name, workbench.home), each.problems, each.tokens)
                for name, each in policy.capability.items()
            ),
            *(
                (find_task(f"safety:{name}", workbench.home), each.prompts, each.tokens)
                for name, each in policy.safety.items()
            ),
        ]
        # Whatever is there was begun by an earlier process of this run, by the same recipe.
        self._pieces.mkdir(exist_ok=True)

    def measure(self) -> tuple[dict[Arm, dict[str, list[Reply]]], _Speed]:
        """Both arms' replies by task, and their turns."""
        for task, _, _ in self._tasks:
            if isinstance(task, Fetched):
                task.fetch(self._events)
        configs: dict[Arm, EmbeddedConfig] = {arm: self._engine(arm) for arm in ARMS}
        with started(configs) as (runner, engines):
            # First, as nothing has warmed the machine up or filled its caches.
            speed = _Speed(turns={arm: [] for arm in ARMS}, memory=dict.fromkeys(ARMS))
            if not self._config.private:
                speed = self._piece("speed", _Speed, lambda: self._speed(runner, engines))
            replies: dict[Arm, dict[str, list[Reply]]] = {arm: {} for arm in ARMS}
            for task, problems, tokens in self._tasks:
                for arm in ARMS:
                    asked = EngineReplies(
                        runner=runner, engine=engines[arm], concurrency=self._config.policy.concurrency
                    )
                    replies[arm][task.name] = self._piece(
                        f"{arm} {task.name}",
                        list[Reply],
                        lambda arm=arm, asked=asked, task=task, problems=problems, tokens=tokens: (
                            self._replies(arm, asked, task, problems, tokens)
                        ),
                    )
        return replies, speed

    def _speed(self, runner: asyncio.Runner, engines: dict[Arm, EmbeddedEngine]) -> _Speed:
        policy = self._config.policy
        turns = runner.run(
            take_turns(
                engines,
                policy.speed,
                seed=policy.seed,
                exact=True,
                most=policy.speed.most_rounds,
                enough=lambda turns: is_known(policy.speed, turns["candidate"], turns["baseline"]),
                on_turn=lambda done, total: self._events.progress(done, total, "turns"),
            )
        )
        # Before there were any others: both have done the same.
        memory: dict[Arm, int | None] = {arm: peak_memory(engine.pid) for arm, engine in engines.items()}
        return _Speed(turns=turns, memory=memory)

    def _replies(self, arm: Arm, asked: EngineReplies, task: Task, problems: int, tokens: int) -> list[Reply]:
        found: list[Reply] = []
        sampling = Sampling(tokens=tokens, seed=self._config.policy.seed)
        for reply in put(task, asked, sampling, problems=problems):
            found.append(reply)
            self._events.progress(len(found), problems, f"{task.name}, {arm}")
        self._events.progress(problems, problems, f"{task.name}, {arm}")
        return found

    def _engine(self, arm: Arm) -> EmbeddedConfig:
        config = self._config
        return EmbeddedConfig(
            kind="text",
            name=arm,
            model=_config_of(config, arm).weights,
            context=config.context,
            kv_cache_gb=config.kv_cache_gb,
            thinking=config.thinking,
        )

    def _piece(self, name: str, kind: type[T], make: Callable[[], T]) -> T:
        path = self._pieces / f"{quote(name, safe=' ')}.json"
        if path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=kind)
        piece = make()
        with whole_file(path) as temporary:
            temporary.write_bytes(msgspec.json.encode(piece))
        return piece


def read_checks(folder: Path) -> Checks:
    """What a gate's run has found."""
    return msgspec.json.decode((folder / CHECKS).read_bytes(), type=Checks)


def _config_of(config: StageConfig, arm: Arm) -> ArmConfig:
    return config.candidate if arm == "candidate" else config.baseline


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
