"""The stages of a model's making: each takes a recipe and makes one artifact.

from causette.lab.stages import STAGES

stage = STAGES["sft"].load()
artifact = stage.run(config, events, workbench)
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from causette.lab.recipes import Config
from causette.lab.types import Artifact, Events

if TYPE_CHECKING:
    from causette.lab.stages.workbench import Workbench

#: The stages that several processes can carry out together.
SHARED: Final = ("pretrain", "sft")
#: The file in an export's folder that is written as GGUF.
GGUF_FILE: Final = "model.gguf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a stage takes, and what carries it out."""

    config: type[Config]
    run: "Callable[[Any, Events, Workbench], Artifact]"


@dataclass(frozen=True, slots=True)
class StageName:
    """A stage that is not loaded yet: PyTorch takes seconds."""

    name: str
    summary: str
    #: Whether it takes PyTorch, whatever its recipe says.
    trains: bool = True

    def load(self) -> Stage:
        """The stage."""
        module = import_module(f"{__name__}.{self.name}")
        return Stage(config=module.StageConfig, run=module.run)


#: All stages, in the order in which a model goes through them.
STAGES: Final = {
    stage.name: stage
    for stage in (
        StageName("tokenizer", "train a byte-level BPE tokenizer, and compare how well it compresses"),
        StageName("data", "validate, clean, split and encode records, once for any number of runs"),
        StageName("pretrain", "train a model from nothing on texts"),
        StageName("sft", "teach a model from conversations: supervised fine-tuning, whole or as LoRA"),
        StageName("prefer", "teach a model what people prefer: DPO from pairs, KTO from thumbs"),
        StageName("reinforce", "have a model try, and learn from rewards that a program gives: GRPO"),
        StageName(
            "evaluate", "measure a model, or whatever answers OpenAI's protocol, with intervals", trains=False
        ),
        StageName("export", "write a model as GGUF for the engine, or as safetensors"),
        StageName("gate", "measure an artifact against what is served, by the gate's policy", trains=False),
    )
}
