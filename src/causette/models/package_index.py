"""Finds the wheel of one release on the package indexes this machine uses, and brings it here.

Speaks the simple repository API: JSON (PEP 691, 700) where an index has it, HTML (PEP 503) otherwise, over
https or from ``file:`` folders, and reads pip's ``find-links`` folders and pages.
"""

import hashlib
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

import msgspec
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version
from yarl import URL

from causette.models.disk import hash_into, in_thread, size_of
from causette.models.pip_config import IndexConfig
from causette.models.types import SourceFailed
from causette.models.web import OnBytes, Web, discard, shown

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
#: The hashes an index may give a file, best first.
_ALGORITHMS = ("sha512", "sha384", "sha256")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that an index offers; ``digest`` is the index's own algorithm and hexadecimal hash of it."""

    url: str
    filename: str
    digest: tuple[str, str] | None
    size: int | None
    yanked: bool


class _JsonFile(msgspec.Struct, frozen=True):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None
    yanked: bool | str = False


class _JsonPage(msgspec.Struct, frozen=True):
    files: tuple[_JsonFile, ...]


class PackageIndex:
    """The package indexes and folders of a machine, as one."""

    def __init__(self, web: Web, config: IndexConfig) -> None:
        self._web = web
        self._config = config

    async def wheels(self, name: str, version: Version) -> list[Wheel]:
        """The wheels of a release, best first: on this machine, then elsewhere; yanked ones last (PEP 592).

        Raises:
            SourceFailed: no index has one; the cause says what each answered.
        """
        found: list[Wheel] = []
        answers: list[str] = []
        places = [*self._config.find_links, *(f"{index}/{name}/" for index in self._config.indexes)]
        for place in places:
            try:
                links = await self._links(place)
            except SourceFailed as failure:
                answers.append(f"{shown(place)}: {failure.cause}")
                continue
            wheels = [link for link in links if _is_release(link.filename, name, version)]
            found += wheels
            if not wheels and place not in self._config.find_links:
                answers.append(f"{shown(place)} has no wheel of {version}")
        if not found:
            cause = "; ".join(answers) or "pip is configured to use no index, and its folders do not have it"
            raise SourceFailed(f"no index has {name} {version} ({cause})")
        return sorted(found, key=lambda wheel: (wheel.yanked, urlsplit(wheel.url).scheme != "file"))

    async def bring(self, wheel: Wheel, folder: Path, expected_size: int | None, on_bytes: OnBytes) -> Path:
        """The wheel on this machine, its hash compared with the index's.

        Args:
            wheel: one of ``wheels()``.
            folder: where a download goes; the file there may be deleted once it is no longer needed.
            expected_size: the size in bytes of what is wanted from it, where known; a wheel
                holds little else.
            on_bytes: called with the bytes there are and the total.

        Raises:
            SourceFailed: it cannot be had, or is not what the index says it is.
        """
        local = local_path(wheel.url)
        if local is not None:
            if not local.is_file():
                raise SourceFailed(f"{local} is not there")
            await self._compare(wheel, local, on_bytes)
            return local
        path = folder / wheel.filename
        if path.exists():
            return path
        part = folder / f"{wheel.filename}.part"

        def limit(stated: int | None) -> int:
            if wheel.size is not None:
                return wheel.size
            return (expected_size or stated or 0) * 2 + (64 << 20)

        for _ in range(2):
            landed = await self._web.download(
                self._with_credentials(wheel.url), part, limit=limit, on_bytes=on_bytes
            )
            try:
                await self._compare(wheel, part, on_bytes)
            except SourceFailed:
                discard(part)
                # Bytes of an earlier connection may be what is wrong; those of a single one are the server's.
                if not landed.resumed:
                    raise
            else:
                break
        part.replace(path)
        discard(part)
        return path

    async def _compare(self, wheel: Wheel, path: Path, on_bytes: OnBytes) -> None:
        if wheel.digest is None:
            return
        algorithm, expected = wheel.digest
        digest, size = hashlib.new(algorithm), size_of(path)
        await in_thread(lambda report: hash_into(digest, path, report), lambda done: on_bytes(done, size))
        if digest.hexdigest() != expected:
            raise SourceFailed(
                f"{shown(wheel.url)} is not the file its index lists: "
                f"expected {algorithm} {expected}, got {digest.hexdigest()}"
            )

    def _with_credentials(self, url: str) -> str:
        """A link as its index's owner would ask for it: with the credentials the index's own address has."""
        link = URL(url)
        for place in self._config.indexes:
            index = URL(place)
            if index.user is not None and index.origin() == link.origin():
                return str(link.with_user(index.user).with_password(index.password))
        return url

    async def _links(self, place: str) -> list[Wheel]:
        """Everything an index page, a page of links or a folder offers."""
        local = local_path(place)
        if local is None:
            body, content_type, address = await self._web.page(place, _ACCEPT)
            if content_type == _JSON:
                return _from_json(body, address)
            return _from_html(body.decode("utf-8", "replace"), address)
        if local.is_dir():
            page = local / "index.html"
            if not page.is_file():
                return [
                    Wheel(file.as_uri(), file.name, None, None, False) for file in sorted(local.glob("*.whl"))
                ]
            local = page
        if local.suffix == ".whl" and local.is_file():
            return [Wheel(local.as_uri(), local.name, None, None, False)]
        try:
            return _from_html(local.read_text("utf-8", "replace"), local.as_uri())
        except OSError as error:
            raise SourceFailed(error.strerror or str(error)) from None


def local_path(url: str) -> Path | None:
    """The path that a ``file:`` URL or a plain path names; None for anything else."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return None if parts.scheme else Path(url).expanduser().absolute()


def _is_release(filename: str, name: str, version: Version) -> bool:
    try:
        of_name, of_version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return False
    return of_name == canonicalize_name(name) and of_version == version


def _from_json(body: bytes, address: str) -> list[Wheel]:
    try:
        page = msgspec.json.decode(body, type=_JsonPage)
    except msgspec.DecodeError as error:
        raise SourceFailed(f"the index's answer is not PEP 691 JSON ({error})") from None
    return [
        Wheel(
            urljoin(address, file.url), file.filename, _best(file.hashes), file.size, file.yanked is not False
        )
        for file in page.files
    ]


def _from_html(text: str, address: str) -> list[Wheel]:
    anchors = _Anchors(address)
    anchors.feed(text)
    wheels: list[Wheel] = []
    for href, yanked in anchors.found:
        url, fragment = urldefrag(urljoin(anchors.base, href))
        algorithm, _, digest = fragment.partition("=")
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        wheels.append(Wheel(url, filename, _best({algorithm: digest}), None, yanked))
    return wheels


def _best(hashes: dict[str, str]) -> tuple[str, str] | None:
    return next(((name, hashes[name].lower()) for name in _ALGORITHMS if hashes.get(name)), None)


class _Anchors(HTMLParser):
    """The links of a page, resolved against its ``<base>``."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.base = address
        self.found: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        href = values.get("href")
        if tag == "base" and href:
            self.base = urljoin(self.base, href)
        elif tag == "a" and href:
            self.found.append((href, "data-yanked" in values))
