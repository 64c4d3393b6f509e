"""``causette lab distill``: a larger model's replies, for a smaller one to learn from.

See `causette.lab.distilling`.
"""

import os
from itertools import islice
from typing import Annotated, Final

from msgspec import Meta

from causette.errors import ConfigurationError
from causette.lab.data import BadRows, Problems, SourceFile, read
from causette.lab.data.forms import prompt_of
from causette.lab.data.reading import files_of
from causette.lab.data.stage import source_files
from causette.lab.distilling import Asked, Choice, Keep
from causette.lab.distilling import run as teach
from causette.lab.evaluating import distinct
from causette.lab.installed import check_installed
from causette.lab.recipes import Config
from causette.lab.replies import Sampling, ServedReplies, Writer
from causette.lab.stages.sources import SourceConfig, sources_of
from causette.lab.stages.workbench import Workbench
from causette.lab.tasks import find_task
from causette.lab.training.config import Positive
from causette.lab.types import Artifact, Conversation, Events

# A busy server is asked again after 1, 2, 4… seconds, or when it says.
_TRIES: Final = 6
_TOLD_EVERY: Final = 1_000


class StageConfig(Config, frozen=True):
    """Who is asked what, and which replies are kept."""

    #: On what terms the teacher's replies may be used (an SPDX name, or words).
    licence: Annotated[str, Meta(min_length=1)]
    #: The teacher: a model in memory, or with ``url`` one that is served there.
    model: str = "default"
    #: Such as ``http://127.0.0.1:8000/v1``.
    url: str | None = None
    #: The environment variable that has its key.
    key_variable: str = "CAUSETTE_API_KEY"
    #: Files whose prompts are asked; answers in them are not read.
    sources: tuple[SourceConfig, ...] = ()
    #: What happens to rows that cannot be read.
    bad_rows: BadRows = "refuse"
    #: Or a task, of whose problems to train on so many are asked.
    task: str | None = None
    problems: Positive = 1_000
    #: Replies to each prompt at most.
    samples: Positive = 1
    #: Of a task: the lowest score of what is kept, and whether only the best reply to each problem is.
    least: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0
    keep: Keep = "best"
    #: Tokens of a reply at most; what is longer is left out.
    tokens: Positive = 1_024
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.7
    seed: Annotated[int, Meta(ge=0)] = 0
    #: Prompts that are asked at once.
    batch: Positive = 16

    def __post_init__(self) -> None:
        if bool(self.sources) == (self.task is not None):
            raise ValueError("Name either sources, which are files of prompts, or a task")
        if self.samples > 1 and not self.temperature:
            raise ValueError("Without a temperature all samples are the same: set one, or ask for one sample")


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Ask, keep every reply as it comes, and write what can be learned from."""
    task = None if config.task is None else find_task(config.task)
    if task is None:
        asked, sources = _read(config, events, workbench)
    else:
        problems = islice(distinct(task.problems("train", config.seed)), config.problems)
        asked, sources = [Asked(prompt=each.prompt, problem=each) for each in problems], ()
    if not asked:
        raise ConfigurationError("There is nothing to ask: no prompt was found.", param="sources")
    return teach(
        asked,
        Choice(
            sampling=Sampling(tokens=config.tokens, temperature=config.temperature, seed=config.seed),
            samples=config.samples,
            task=task,
            least=config.least,
            keep=config.keep,
        ),
        events,
        teacher=_teacher(config, workbench),
        model=config.model,
        url=config.url,
        licence=config.licence,
        sources=sources,
        checkpoints=workbench.checkpoints,
        folder=workbench.artifact,
    )


def _read(
    config: StageConfig, events: Events, workbench: Workbench
) -> tuple[list[Asked], tuple[SourceFile, ...]]:
    files = {
        file: source.licence
        for source in sources_of(config.sources, workbench)
        for file in files_of([source.path])
    }
    sources = tuple(source_files(files, events))
    problems = Problems()
    asked: list[Asked] = []
    for row in read(files, bad_rows=config.bad_rows, problems=problems, form=prompt_of):
        assert isinstance(row.record, Conversation)
        asked.append(Asked(prompt=row.record.messages))
        if len(asked) % _TOLD_EVERY == 0:
            events.progress(len(asked), None, "prompts")
    for each in problems.told:
        events.note(str(each))
    return asked, sources


def _teacher(config: StageConfig, workbench: Workbench) -> Writer:
    if config.url is not None:
        if not config.url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"{config.url!r} is not an address such as http://127.0.0.1:8000/v1.", param="url"
            )
        key = os.environ.get(config.key_variable)
        return ServedReplies(
            url=config.url, model=config.model, key=key, concurrency=config.batch, tries=_TRIES
        )
    check_installed()
    # PyTorch, which who is served elsewhere does without.
    from causette.lab.generating import ModelReplies  # noqa: PLC0415
    from causette.lab.stages.training import begin  # noqa: PLC0415

    base = begin(config.model, workbench)
    return ModelReplies(model=base.model, tokenizer=base.tokenizer, batch=config.batch)
