"""``causette lab evaluate``: tasks and texts put to a model, or tasks to what answers OpenAI's protocol.

See `causette.lab.evaluating`.
"""

import os
from typing import Annotated

from msgspec import Meta

from causette.errors import ConfigurationError
from causette.lab.evaluating import EvaluationConfig
from causette.lab.evaluating import run as put
from causette.lab.perplexity import Reader
from causette.lab.replies import ModelReplies, Replies, ServedReplies
from causette.lab.stages.training import begin
from causette.lab.stages.workbench import Workbench
from causette.lab.types import Artifact, Events


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
    """Put the tasks, keep every reply, and read the texts."""
    replies, reader = _who(config, workbench)
    return put(config, events, replies=replies, reader=reader, folder=workbench.artifact)


def _who(config: StageConfig, workbench: Workbench) -> tuple[Replies, Reader | None]:
    if config.url is None:
        base = begin(config.model, workbench)
        # Places beyond what a model has learned would measure something else.
        most = getattr(base.model.config, "max_position_embeddings", config.length)
        length = min(config.length, most)
        reader = Reader(model=base.model, tokenizer=base.tokenizer, length=length, batch=config.batch)
        return ModelReplies(model=base.model, tokenizer=base.tokenizer, batch=config.batch), reader
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
