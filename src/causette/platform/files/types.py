"""Plain data of the API's files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: What a file is for: ``fine-tune`` is uploaded, ``fine-tune-results`` is made here.
Purpose = Literal["fine-tune", "fine-tune-results"]
Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFile:
    """A file of whoever pays: of ``workspace_id``, or of ``user_id``, who brought it, where there is none."""

    id: str
    user_id: str
    workspace_id: str | None
    name: str
    purpose: Purpose
    size: int
    sha256: str
    created_at: datetime

    @property
    def owner_id(self) -> str:
        """Whose it is."""
        return self.workspace_id or self.user_id
