"""Which deployments the settings describe."""

from pathlib import Path

import pytest

from causette.errors import ConfigurationError
from causette.fleet import Fleet, deploy, local_models
from causette.gateway.routing import Router
from causette.models import open_models
from causette.settings import RemoteEngine, Settings


def entry(url: str, *, name: str = "big", **more: object) -> RemoteEngine:
    return RemoteEngine(name=name, url=url, **more)  # type: ignore[arg-type]


def settings_of(folder: Path, *engines: RemoteEngine) -> Settings:
    ours = (
        entry("http://elsewhere/v1", name="text", aliases=("default",)),
        entry("http://elsewhere/v1", name="vectors", kind="embedding", aliases=("embedding",)),
    )
    return Settings(data=folder, engines=(*ours, *engines))


def fleet_of(folder: Path, *engines: RemoteEngine) -> Fleet:
    settings = settings_of(folder, *engines)
    return deploy(settings, open_models(settings))


def test_engines_of_one_name_are_replicas_of_one_deployment(tmp_path: Path):
    fleet = fleet_of(
        tmp_path,
        entry("http://gpu1:8000/v1", context=4096, slots=8, aliases=("large",)),
        entry("http://gpu2:8000/v1/", context=2048, machine="the old one", timeout_total=60),
    )
    big = fleet.deployments.find("large", "text")
    assert big is fleet.deployments.find("big", "text")
    assert isinstance(big.engine, Router)
    assert (big.engine.context, big.slots, big.machine) == (2048, 40, None)
    assert [(it.id, it.slots, it.machine, it.timeout_total) for it in big.engine.replicas] == [
        ("http://gpu1:8000/v1", 8, "gpu1", 3600),
        ("http://gpu2:8000/v1", 32, "the old one", 60),
    ]
    assert len(fleet.remote) == 4


def test_a_deployment_on_one_machine_is_booked_there(tmp_path: Path):
    fleet = fleet_of(tmp_path, entry("http://gpu1:8000/v1"), entry("http://gpu1:8001/v1"))
    big = fleet.deployments.find("big", "text")
    assert big.machine == big.machine_of("req_unknown") == "gpu1"


def test_replicas_do_the_same_work_and_are_there_once(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="text and embedding"):
        fleet_of(tmp_path, entry("http://gpu1/v1"), entry("http://gpu2/v1", kind="embedding"))
    with pytest.raises(ConfigurationError, match="twice"):
        fleet_of(tmp_path, entry("http://gpu1/v1"), entry("http://gpu1/v1/"))


def test_who_only_chats_needs_no_embedding_model(tmp_path: Path):
    settings = Settings(data=tmp_path)
    assert local_models(settings, ["text"]) == [settings.model]
    assert local_models(settings) == [settings.model, settings.embedding_model]
    remote = settings_of(tmp_path)
    assert local_models(remote) == []
