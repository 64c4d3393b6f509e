"""Whether the lab's own libraries are here: training needs them; measuring what is served does without."""

from importlib.util import find_spec

from causette.errors import ConfigurationError


def check_installed() -> None:
    """See that PyTorch and what goes with it are installed.

    Raises:
        ConfigurationError: something is missing; the message says how to get it.
    """
    missing = [name for name in ("torch", "transformers", "peft", "gguf") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The lab needs {', '.join(missing)}, which this installation lacks: pip install 'causette[lab]'."
        )
