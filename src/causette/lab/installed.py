"""Whether the lab's libraries are there; importing this loads none of them."""

from importlib.util import find_spec
from typing import ClassVar, Final

from causette.errors import CausetteError

#: What installs them.
INSTALL: Final = "pip install 'causette[lab]'"
_NEEDED: Final = ("torch", "transformers", "peft", "gguf", "phonenumbers")


class LabNotInstalled(CausetteError):
    """This installation has no PyTorch, or lacks what goes with it; nothing is trained by it."""

    status: ClassVar[int] = 501
    default_code = "lab_not_installed"


def is_installed() -> bool:
    """Whether this installation can train."""
    return not missing_libraries()


def check_installed() -> None:
    """Make sure that this installation can train.

    Raises:
        LabNotInstalled: it cannot; the message says what is missing.
    """
    if missing := missing_libraries():
        raise LabNotInstalled(
            f"The lab needs {', '.join(missing)}, which this installation lacks: {INSTALL}."
        )


def missing_libraries() -> list[str]:
    """Those that are not there."""
    return [name for name in _NEEDED if find_spec(name) is None]
