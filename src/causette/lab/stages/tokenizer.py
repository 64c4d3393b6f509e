"""``causette lab tokenizer``: a byte-level BPE from files of text."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, field

from causette.errors import ConfigurationError
from causette.lab.data import read_texts
from causette.lab.recipes import Config
from causette.lab.stages.workbench import Workbench
from causette.lab.tokenizer import TokenizerConfig
from causette.lab.tokenizer import run as train
from causette.lab.types import Artifact, Events


class StageConfig(Config, frozen=True):
    """What it is trained on, and what it is compared with."""

    files: Annotated[tuple[Path, ...], Meta(min_length=1)]
    vocabulary_size: Annotated[int, Meta(ge=300)] = 32_768
    #: By language, files that are not trained on, to measure with.
    held_out: dict[str, tuple[Path, ...]] = field(default_factory=dict[str, tuple[Path, ...]])
    #: Models or tokenizers to compare with.
    references: tuple[str, ...] = ()


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Train it, into a folder that ``transformers`` loads."""
    references = {name: workbench.find(name) or Path(name) for name in config.references}
    for name, path in references.items():
        if not path.exists():
            raise ConfigurationError(f"There is no tokenizer {name!r} to compare with.", param="references")
    return train(
        TokenizerConfig(
            output=workbench.artifact,
            vocabulary_size=config.vocabulary_size,
            files=config.files,
            held_out={language: list(read_texts(files)) for language, files in config.held_out.items()},
            references=references,
        ),
        events,
    )
