"""The one table of what a plan may switch on. Code that gates something and tests of it import it from here."""

from enum import StrEnum
from typing import Final


class Feature(StrEnum):
    """Something that a plan allows or does not. Its value is its name in ``plans.toml``."""

    API_KEYS = "api_keys"
    WORKSPACES = "workspaces"
    FILES = "files"
    WEB_SEARCH = "web_search"
    CODE = "code"
    IMAGES = "images"
    VOICE = "voice"
    CUSTOM_ASSISTANTS = "custom_assistants"
    FINE_TUNING = "fine_tuning"
    SHARING = "sharing"
    PRIORITY = "priority"


#: What people call each feature, in English and in French: "Your plan does not include …".
TITLES: Final[dict[Feature, tuple[str, str]]] = {
    Feature.API_KEYS: ("API keys", "les clés d'API"),
    Feature.WORKSPACES: ("shared workspaces", "les espaces de travail partagés"),
    Feature.FILES: ("files", "les fichiers"),
    Feature.WEB_SEARCH: ("web search", "la recherche sur le web"),
    Feature.CODE: ("running code", "l'exécution de code"),
    Feature.IMAGES: ("images", "les images"),
    Feature.VOICE: ("voice", "la voix"),
    Feature.CUSTOM_ASSISTANTS: ("assistants of one's own", "les assistants personnalisés"),
    Feature.FINE_TUNING: ("fine-tuning", "l'affinage de modèles"),
    Feature.SHARING: ("links to conversations", "les liens vers des conversations"),
    Feature.PRIORITY: ("priority when it is busy", "la priorité en cas d'affluence"),
}
