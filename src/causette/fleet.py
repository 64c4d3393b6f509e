"""Which engines this machine runs or reaches, and under which names they answer.

Kept apart from :mod:`causette.app` so that a process can begin to load its model before it has imported the rest.
"""

import asyncio
from dataclasses import dataclass
from time import time
from typing import Literal

from causette.engines.openai_client import OpenAIClient
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.engines.types import Sampling
from causette.errors import ConfigurationError
from causette.gateway.deployments import Deployment, Deployments
from causette.models import ModelCard, Models
from causette.settings import RemoteEngine, Settings


@dataclass(frozen=True, slots=True)
class Fleet:
    """The deployments, and the engines behind them that have to be started and closed."""

    deployments: Deployments
    embedded: tuple[EmbeddedEngine, ...] = ()
    remote: tuple[OpenAIClient, ...] = ()

    def start(self) -> None:
        """Begin to start what everybody needs; an embedding engine starts when it is first asked."""
        for engine in self.embedded:
            if engine.config.kind == "text":
                engine.start()

    async def stop(self) -> None:
        """Drain and end the engine processes, and close the connections to the others."""
        await asyncio.gather(*(engine.stop() for engine in self.embedded))
        await asyncio.gather(*(engine.close() for engine in self.remote))


def local_models(settings: Settings) -> list[str]:
    """The catalogue models that this machine's own engines serve: those no remote engine takes the place of."""
    taken = {alias for entry in settings.engines for alias in (entry.name, *entry.aliases)}
    wanted = {"default": settings.model, "embedding": settings.embedding_model}
    return [name for alias, name in wanted.items() if alias not in taken]


def deploy(settings: Settings, models: Models) -> Fleet:
    """The fleet that ``settings`` describe. Nothing is started.

    Raises:
        ConfigurationError: a model to deploy is not on disk, or of the wrong kind.
        NotFound: the catalogue does not have it.
    """
    local = local_models(settings)
    embedded: list[Deployment] = []
    if settings.model in local:
        embedded.append(_embedded_deployment(settings, models, "text"))
    if settings.embedding_model in local:
        embedded.append(_embedded_deployment(settings, models, "embedding"))
    remote = [_remote_deployment(entry) for entry in settings.engines]
    return Fleet(
        Deployments([*embedded, *remote]),
        embedded=tuple(item.engine for item in embedded if isinstance(item.engine, EmbeddedEngine)),
        remote=tuple(item.engine for item in remote if isinstance(item.engine, OpenAIClient)),
    )


def _embedded_deployment(
    settings: Settings, models: Models, kind: Literal["text", "embedding"]
) -> Deployment:
    name = settings.model if kind == "text" else settings.embedding_model
    card = models.show(name)
    if card.kind != kind:
        raise ConfigurationError(f"The model {name!r} makes {card.kind}, not {kind}.", param="model")
    if card.engine != "embedded":
        raise ConfigurationError(
            f"{card.title} needs a server of its own, such as vLLM: run one and name it in [[engines]] "
            "in causette.toml (see docs/engines.md).",
            param="model",
        )
    weights = models.path(name)
    if weights is None:
        raise ConfigurationError(
            f"The model {name!r} is not on disk. Fetch it with: causette models pull {name}", param="model"
        )
    engine = EmbeddedEngine(
        EmbeddedConfig(
            kind=kind,
            name=name,
            model=weights if kind == "text" else models.folder_of(name),
            context=card.context or 4096,
            kv_cache_gb=settings.kv_cache_gb,
            max_running=settings.max_running,
            max_queued=settings.max_queued,
            grace=settings.shutdown_grace,
        )
    )
    alias = "default" if kind == "text" else "embedding"
    return Deployment(
        name=name,
        kind=kind,
        engine=engine,
        title=card.title,
        description=card.description,
        aliases=(alias,),
        sampling=_sampling(card),
        created=int(weights.stat().st_mtime),
    )


def _remote_deployment(entry: RemoteEngine) -> Deployment:
    client = OpenAIClient(
        entry.url,
        model=entry.model or entry.name,
        context=entry.context,
        api_key=entry.api_key.get_secret_value() if entry.api_key else None,
    )
    return Deployment(
        name=entry.name,
        kind=entry.kind,
        engine=client,
        title=entry.name,
        aliases=entry.aliases,
        created=int(time()),
    )


def _sampling(card: ModelCard) -> Sampling:
    best = card.sampling
    return Sampling(
        temperature=best.temperature,
        top_p=best.top_p,
        top_k=best.top_k,
        min_p=best.min_p,
        repetition_penalty=best.repetition_penalty,
        frequency_penalty=best.frequency_penalty,
    )
