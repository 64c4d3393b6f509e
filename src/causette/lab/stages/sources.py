"""Files that a recipe names as its sources: a path, or a run whose conversations a teacher wrote."""

from collections.abc import Sequence
from pathlib import Path

from causette.errors import ConfigurationError
from causette.lab.data import Source
from causette.lab.distilling import CONVERSATIONS, read_manifest
from causette.lab.recipes import Config
from causette.lab.stages.workbench import Workbench


class SourceConfig(Config, frozen=True):
    """A file or a folder of them, or a run of the distill stage; and on what terms it may be used."""

    path: Path | None = None
    run: str | None = None
    #: An SPDX name, or words. A run has the terms of its replies and prompts, where nothing else is said.
    licence: str | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.run is None):
            raise ValueError("Name either path, a file or a folder, or run, a run of the distill stage")
        if self.run is None and not self.licence:
            raise ValueError("Say licence: on what terms this data may be used (an SPDX name, or words)")


def sources_of(configs: Sequence[SourceConfig], workbench: Workbench) -> tuple[Source, ...]:
    """The sources, each with its terms.

    Raises:
        ConfigurationError: there is no such run, or it has made nothing yet.
        NotFound: it is of another stage.
    """
    return tuple(_source(each, workbench) for each in configs)


def _source(config: SourceConfig, workbench: Workbench) -> Source:
    if config.run is None:
        assert config.path is not None and config.licence is not None
        return Source(path=config.path, licence=config.licence)
    folder = workbench.find(config.run)
    if folder is None:
        raise ConfigurationError(
            f"There is no run {config.run!r}: `causette lab runs` lists them.", param="sources"
        )
    manifest = read_manifest(folder)
    return Source(path=folder / CONVERSATIONS, licence=config.licence or manifest.terms)
