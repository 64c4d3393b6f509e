"""Plain data of custom instructions."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What one person tells every model. Texts are empty where there is nothing to say."""

    about: str = ""
    answers: str = ""
    #: Off keeps the texts, and tells them to no model.
    enabled: bool = True
    #: None until they are first written.
    updated_at: datetime | None = None
