"""``causette lab evaluate``: tasks and texts put to a model, or tasks to what answers OpenAI's protocol; and its speed.

See `causette.lab.evaluating`.
"""

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from causette.engines.openai_client import OpenAIClient
from causette.engines.supervisor import EmbeddedConfig
from causette.errors import ConfigurationError
from causette.lab.evaluating import EvaluationConfig
from causette.lab.evaluating import run as put
from causette.lab.installed import check_installed
from causette.lab.replies import Replies, ServedReplies
from causette.lab.serving import started
from causette.lab.speed import Speed, SpeedConfig, take_turns
from causette.lab.stages.workbench import Workbench
from causette.lab.tasks import find_task
from causette.lab.types import Artifact, Events

if TYPE_CHECKING:
    from causette.lab.perplexity import Reader

_CONTEXT = 8_192


class StageConfig(EvaluationConfig, frozen=True):
    """Who is asked besides what: a model in memory, or with ``url`` one that is served there."""

    model: str = "default"
    #: Such as ``http://127.0.0.1:8000/v1``.
    url: str | None = None
    #: The environment variable that has its key.
    key_variable: str = "CAUSETTE_API_KEY"
    #: Prompts, or windows of texts, at once.
    batch: Annotated[int, Meta(ge=1)] = 16


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Put the tasks, keep every reply, read the texts, and take the time."""
    tasks = [find_task(name, workbench.home) for name in config.tasks]
    weights = _weights(config, workbench) if config.speed is not None and config.url is None else None
    replies, reader = _who(config, workbench)
    return put(
        config,
        events,
        tasks=tasks,
        replies=replies,
        reader=reader,
        timed=lambda speed: _timed(config, speed, weights, events),
        folder=workbench.artifact,
    )


def _who(config: StageConfig, workbench: Workbench) -> "tuple[Replies | None, Reader | None]":
    if config.url is None:
        return _in_memory(config, workbench) if config.tasks or config.texts else (None, None)
    if config.texts:
        raise ConfigurationError(
            f"Texts are measured by probabilities, which {config.url} does not give: leave out url, and name a "
            "model that can be loaded.",
            param="texts",
        )
    if not config.url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{config.url!r} is not an address such as http://127.0.0.1:8000/v1.", param="url"
        )
    key = os.environ.get(config.key_variable)
    return ServedReplies(url=config.url, model=config.model, key=key, concurrency=config.batch), None


def _in_memory(config: StageConfig, workbench: Workbench) -> "tuple[Replies, Reader]":
    check_installed()
    # PyTorch, which who is served elsewhere does without.
    from causette.lab.generating import ModelReplies  # noqa: PLC0415
    from causette.lab.perplexity import Reader  # noqa: PLC0415
    from causette.lab.stages.training import begin  # noqa: PLC0415

    base = begin(config.model, workbench)
    # Places beyond what a model has learned would measure something else.
    most = getattr(base.model.config, "max_position_embeddings", config.length)
    length = min(config.length, most)
    reader = Reader(model=base.model, tokenizer=base.tokenizer, length=length, batch=config.batch)
    return ModelReplies(model=base.model, tokenizer=base.tokenizer, batch=config.batch), reader


def _weights(config: StageConfig, workbench: Workbench) -> Path:
    """What the engine is started with."""
    path = workbench.find(config.model) or Path(config.model).expanduser()
    if not path.is_file() or path.suffix != ".gguf":
        raise ConfigurationError(
            f"The speed of {config.model!r} is measured in the engine, which reads GGUF: name an export, a GGUF "
            "file or a model of the catalogue that is on disk; or a url, and what is served there is measured.",
            param="model",
        )
    return path


def _timed(config: StageConfig, speed: SpeedConfig, weights: Path | None, events: Events) -> Speed:
    def told(done: int, total: int) -> None:
        events.progress(done, total, "turns")

    with ExitStack() as stack:
        if weights is not None:
            engine = EmbeddedConfig(kind="text", name=config.model, model=weights, context=_CONTEXT)
            runner, engines = stack.enter_context(started({config.model: engine}))
            asked = engines[config.model]
        else:
            assert config.url is not None
            runner = stack.enter_context(asyncio.Runner())
            key = os.environ.get(config.key_variable)
            asked = OpenAIClient(config.url, model=config.model, context=_CONTEXT, api_key=key)
            stack.callback(lambda: runner.run(asked.close()))
        # Other servers may refuse to go on after a model's end.
        turns = runner.run(
            take_turns(
                {config.model: asked}, speed, seed=config.seed, exact=weights is not None, on_turn=told
            )
        )
    return Speed.of(turns[config.model], seed=config.seed)
