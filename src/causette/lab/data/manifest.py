"""What is known of prepared data: what it was made from, by what, and what is in its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import msgspec

from causette.errors import InvalidRequest, NotFound

MANIFEST: Final = "manifest.json"
FORMAT: Final = "causette.prepared"
VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that records were read from."""

    file: str
    sha256: str
    bytes: int
    #: On what terms it may be used, in the words of whoever gave it.
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file beside the manifest."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """It has no time and no host in it: the same files prepared again have the same manifest, byte for byte."""

    format: str = FORMAT
    version: int = VERSION
    #: How many records there are, by kind: ``text``, ``conversation``, ``preference``, ``labelled``.
    kinds: Mapping[str, int]
    records: int
    #: Encoded parts of each record: 1, of preferences 3 (prompt, chosen, rejected), of labels 2 (prompt, completion).
    parts: int
    tokens: int
    #: Tokens that are learned, without those that follow no other: nothing predicts them.
    learned_tokens: int
    token_type: Literal["uint16", "uint32"]
    #: All ids are below it.
    vocabulary: int
    tokenizer_sha256: str
    seed: int
    #: How many records went, by why.
    dropped: Mapping[str, int]
    sources: tuple[SourceFile, ...]
    files: tuple[DataFile, ...]

    def write(self, folder: Path) -> None:
        """Put it into the folder that it is about."""
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest of prepared data, and its SHA-256, which stands for all of the data.

    Raises:
        NotFound: there is none.
        InvalidRequest: it is damaged, or of a version that is not known.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{folder} has no prepared data: there is no {MANIFEST} in it") from None
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{path} is damaged: {error}. Prepare the data again", code="damaged") from None
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise InvalidRequest(
            f"{path} says {manifest.format} version {manifest.version}, and {FORMAT} version {VERSION} is read. "
            "Prepare the data again",
            code="unknown_version",
        )
    return manifest, sha256(content).hexdigest()
