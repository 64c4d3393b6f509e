"""Which engines this machine runs or reaches, and under which names they answer.

Kept apart from :mod:`causette.house` so that a process can begin to load its model before it has imported the rest.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from causette.engines.openai_client import OpenAIClient
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.engines.thinking import Tags
from causette.engines.types import Sampling
from causette.errors import ConfigurationError
from causette.gateway.deployments import KINDS, Deployment, Deployments, Kind
from causette.gateway.routing import Replica, Router
from causette.gateway.versions import Version, Versions, fingerprint
from causette.models import ModelCard, Models
from causette.settings import RemoteEngine, Settings

# How thinking shows in a remote model's text, unless its server tells it apart.
_TAGS: Final[dict[str, Tags]] = {
    "none": "none",
    "effort": "tagged",
    "template": "tagged",
    "always": "prefilled",
}
# Our embedding engine works on one request at a time; the next one is there when it is done.
_EMBEDDING_SLOTS: Final = 2


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


def local_models(settings: Settings, kinds: Collection[Kind] = KINDS) -> list[str]:
    """The catalogue models that this machine's own engines serve: those no remote engine takes the place of.

    Of these kinds only: whoever asks no embedding model need not have one.
    """
    taken = {alias for entry in settings.engines for alias in (entry.name, *entry.aliases)}
    wanted: tuple[tuple[Kind, str, str], ...] = (
        ("text", "default", settings.model),
        ("embedding", "embedding", settings.embedding_model),
    )
    return [name for kind, alias, name in wanted if kind in kinds and alias not in taken]


def deploy(settings: Settings, models: Models, kinds: Collection[Kind] = KINDS) -> Fleet:
    """The fleet that ``settings`` describe, with this machine's own engines of these kinds. Nothing is started.

    Raises:
        ConfigurationError: a model to deploy is not on disk, or of the wrong kind.
        NotFound: the catalogue does not have it.
    """
    local = local_models(settings, kinds)
    embedded: list[tuple[EmbeddedEngine, Deployment]] = []
    if settings.model in local:
        embedded.append(_embedded_deployment(settings, models, "text"))
    if settings.embedding_model in local:
        embedded.append(_embedded_deployment(settings, models, "embedding"))
    replicas: dict[str, list[tuple[RemoteEngine, OpenAIClient]]] = {}
    for entry in settings.engines:
        replicas.setdefault(entry.name, []).append((entry, _client(entry)))
    return Fleet(
        Deployments(
            [
                *(deployment for _, deployment in embedded),
                *(_remote_deployment(group) for group in replicas.values()),
            ]
        ),
        embedded=tuple(engine for engine, _ in embedded),
        remote=tuple(client for group in replicas.values() for _, client in group),
    )


def _embedded_deployment(
    settings: Settings, models: Models, kind: Literal["text", "embedding"]
) -> tuple[EmbeddedEngine, Deployment]:
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
    model = weights if kind == "text" else models.folder_of(name)
    engine = EmbeddedEngine(engine_config(settings, card, kind, name=name, model=model))
    alias = "default" if kind == "text" else "embedding"
    weights_of = card.files[0].sha256 or f"{weights.stat().st_size}@{weights.stat().st_mtime_ns}"
    base = Version(engine, fingerprint=fingerprint(name, weights_of))
    return engine, Deployment(
        name=name,
        kind=kind,
        # Of texts' vectors there is one version: those of two models cannot be compared.
        engine=Versions(base) if kind == "text" else engine,
        title=card.title,
        description=card.description,
        aliases=(alias,),
        sampling=best_sampling(card),
        slots=settings.max_running if kind == "text" else _EMBEDDING_SLOTS,
        machine=settings.machine.name,
        thinks=card.thinks,
        created=int(weights.stat().st_mtime),
    )


def engine_config(
    settings: Settings, card: ModelCard, kind: Literal["text", "embedding"], *, name: str, model: Path
) -> EmbeddedConfig:
    """How an engine is run under ``name`` for weights of a catalogue model's making."""
    return EmbeddedConfig(
        kind=kind,
        name=name,
        model=model,
        context=card.context or 4096,
        kv_cache_gb=settings.kv_cache_gb,
        max_running=settings.max_running,
        max_queued=settings.max_queued,
        grace=settings.shutdown_grace,
        thinking="tagged" if card.thinks else "none",
        records=settings.data / "engine-records" / f"{quote(name, safe='')}.jsonl",
    )


def _client(entry: RemoteEngine) -> OpenAIClient:
    return OpenAIClient(
        entry.url,
        model=entry.model or entry.name,
        context=entry.context,
        api_key=entry.api_key.get_secret_value() if entry.api_key else None,
        usage=entry.usage,
        thinking="none" if entry.thinking == "always" else entry.thinking,
        tags=_TAGS[entry.thinking],
    )


def _remote_deployment(group: Sequence[tuple[RemoteEngine, OpenAIClient]]) -> Deployment:
    """One deployment of the engines that have its name.

    Raises:
        ConfigurationError: they do different work, or one of them is there twice.
    """
    first, _ = group[0]
    for entry, _ in group:
        if entry.kind != first.kind:
            raise ConfigurationError(
                f"The engines called {first.name!r} make {first.kind} and {entry.kind}; replicas of one deployment "
                "do the same. Give one of them another name in [[engines]] in causette.toml."
            )
    urls = [entry.url.rstrip("/") for entry, _ in group]
    if twice := next((url for url in urls if urls.count(url) > 1), None):
        raise ConfigurationError(
            f"The engine {first.name!r} at {twice} is there twice. Remove one of the two from [[engines]] "
            "in causette.toml, or give it another name."
        )
    replicas = [
        Replica(
            engine=client,
            id=url,
            slots=entry.slots,
            machine=entry.machine or urlsplit(url).hostname,
            timeout_first_token=entry.timeout_first_token,
            timeout_total=entry.timeout_total,
        )
        for url, (entry, client) in zip(urls, group, strict=True)
    ]
    return Deployment(
        name=first.name,
        kind=first.kind,
        engine=Router(first.name, replicas),
        title=first.name,
        aliases=tuple(dict.fromkeys(alias for entry, _ in group for alias in entry.aliases)),
        slots=sum(replica.slots for replica in replicas),
        machine=replicas[0].machine if len({replica.machine for replica in replicas}) == 1 else None,
        keeps_records=False,
        thinks=all(entry.thinking != "none" for entry, _ in group),
        calls_tools=all(entry.tools for entry, _ in group),
        sees=all(entry.vision for entry, _ in group),
        created=int(time()),
    )


def best_sampling(card: ModelCard) -> Sampling:
    """What a catalogue model samples best with."""
    best = card.sampling
    return Sampling(
        temperature=best.temperature,
        top_p=best.top_p,
        top_k=best.top_k,
        min_p=best.min_p,
        repetition_penalty=best.repetition_penalty,
        frequency_penalty=best.frequency_penalty,
    )
