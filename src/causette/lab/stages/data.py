"""``causette lab data``: records in files, as encoded data that training maps into memory."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, field

from causette.lab.data import BadRows, DataConfig
from causette.lab.data import run as prepare
from causette.lab.encoding import encoder, fingerprint
from causette.lab.models import find_chat
from causette.lab.recipes import Config
from causette.lab.stages.sources import SourceConfig, sources_of
from causette.lab.stages.workbench import Workbench
from causette.lab.types import Artifact, Events


class StageConfig(Config, frozen=True):
    """What is prepared, for which model, and how."""

    sources: Annotated[tuple[SourceConfig, ...], Meta(min_length=1)]
    #: The model, or the tokenizer, whose tokens it is.
    tokenizer: str = "default"
    #: What happens to rows that cannot be read.
    bad_rows: BadRows = "refuse"
    #: The similarity (0 to 1) from which on two records are one; 0 keeps all but exact duplicates.
    near_duplicates: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.8
    #: By name, files of evaluations whose texts are taken out.
    evaluations: dict[str, Path] = field(default_factory=dict[str, Path])
    #: The share of prompts that is not trained on.
    held_out: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.02
    seed: Annotated[int, Meta(ge=0)] = 0


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Prepare it: ``train`` and ``held_out``, with a manifest each and a report."""
    tokenizer = find_chat(config.tokenizer, workbench.find)
    return prepare(
        DataConfig(
            sources=sources_of(config.sources, workbench),
            folder=workbench.artifact,
            encode=encoder(tokenizer),
            vocabulary=len(tokenizer.tokenizer),
            tokenizer_sha256=fingerprint(tokenizer),
            bad_rows=config.bad_rows,
            near_duplicates=config.near_duplicates or None,
            evaluations=config.evaluations,
            held_out=config.held_out,
            seed=config.seed,
        ),
        events,
    )
