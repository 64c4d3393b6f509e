"""Where the Hugging Face hub keeps a file, and which bytes it says those are.

Honours ``HF_ENDPOINT`` (a mirror), ``HF_TOKEN`` (for repositories whose licence must be accepted first; sent
to the hub itself only) and ``HF_HUB_OFFLINE``.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from causette.models.disk import git_blob_id, in_thread
from causette.models.sources import HubSource
from causette.models.types import SourceFailed
from causette.models.web import Landed

DEFAULT_ENDPOINT = "https://huggingface.co"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_FALSE = frozenset({"", "0", "no", "false", "off"})


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub and who asks it."""

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = None
    offline: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Hub":
        """The hub that the environment names."""
        return cls(
            endpoint=(environment.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/"),
            token=environment.get("HF_TOKEN") or None,
            offline=environment.get("HF_HUB_OFFLINE", "").lower() not in _FALSE,
        )

    def address(self, source: HubSource) -> str:
        """The URL of a file.

        Raises:
            SourceFailed: the hub is not to be asked.
        """
        if self.offline:
            raise SourceFailed("HF_HUB_OFFLINE is set")
        return f"{self.endpoint}/{source.repository}/resolve/{quote(source.revision)}/{quote(source.file)}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request to the hub carries."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def explain(self, source: HubSource, failure: SourceFailed) -> SourceFailed:
        """The failure with what to do about it, where the hub refused for want of a token."""
        if " 401 " in failure.cause or " 403 " in failure.cause:
            advice = (
                "the token in HF_TOKEN may not read this repository"
                if self.token
                else "accept the model's terms on the hub and set HF_TOKEN"
            )
            return SourceFailed(f"{failure.cause}; {advice}: {self.endpoint}/{source.repository}")
        return failure


async def confirm(landed: Landed) -> None:
    """Compare a download with the hash that the hub itself names for it: an LFS SHA-256 or a git blob id.

    Raises:
        SourceFailed: the hashes differ, or the hub names none, so that there is nothing to pin to.
    """
    tag = landed.facts.get("X-Linked-Etag") or landed.facts.get("ETag") or ""
    expected = tag.removeprefix("W/").strip('"')
    if _SHA256.fullmatch(expected):
        got, kind = landed.sha256, "sha256"
    elif _SHA1.fullmatch(expected):
        got, kind = await in_thread(lambda _: git_blob_id(landed.path), lambda _: None), "git blob"
    else:
        raise SourceFailed(
            "the hub names no hash for this file, so there is nothing to pin it to; give a sha256"
        )
    if got != expected:
        raise SourceFailed(f"expected {kind} {expected} as the hub says, got {got}")
