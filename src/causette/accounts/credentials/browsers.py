"""A user agent in the words of its person: which browser, on what."""

from typing import Final

# In the order in which they are looked for: most say that they are Chrome or Safari as well.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str | None) -> str | None:
    """The browser's name; None when it is none of those that people use."""
    return _first(_BROWSERS, user_agent)


def system_of(user_agent: str | None) -> str | None:
    """The operating system's name; None when it is none of those that people use."""
    return _first(_SYSTEMS, user_agent)


def _first(known: tuple[tuple[str, str], ...], user_agent: str | None) -> str | None:
    return next((name for mark, name in known if user_agent is not None and mark in user_agent), None)
