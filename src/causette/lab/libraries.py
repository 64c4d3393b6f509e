"""The libraries that stages need and the rest of the house does not: whether they are here."""

from importlib.util import find_spec
from typing import Final

from causette.errors import ConfigurationError

#: What installs them.
INSTALL: Final = "pip install 'causette[lab]'"
_NEEDED: Final = ("torch", "transformers", "peft", "gguf")


def missing_libraries() -> list[str]:
    """Those that this installation lacks. None of them is loaded."""
    return [name for name in _NEEDED if find_spec(name) is None]


def check_installed() -> None:
    """Make sure that stages can be carried out.

    Raises:
        ConfigurationError: a library is missing; it says what installs it.
    """
    if missing := missing_libraries():
        raise ConfigurationError(
            f"The lab needs {', '.join(missing)}, which this installation lacks: {INSTALL}."
        )
