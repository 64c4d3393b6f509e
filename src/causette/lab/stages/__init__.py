"""The stages of a model's making: each takes a recipe and makes one artifact.

from causette.lab.stages import STAGES

stage = STAGES["sft"].load()
artifact = stage.run(config, events, workbench)
"""

from collections.abc import Callable, Mapping
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
    #: A recipe that shows what is usually said; None for a stage whose command writes it.
    example: str | None = None
    #: Whether it takes PyTorch: whatever its recipe says, or by that.
    trains: bool | Callable[[Mapping[str, Any]], bool] = True

    def takes_pytorch(self, recipe: Mapping[str, Any]) -> bool:
        """Whether a recipe of this stage, checked or not, cannot be carried out without it."""
        return self.trains if isinstance(self.trains, bool) else self.trains(recipe)

    def load(self) -> Stage:
        """The stage."""
        module = import_module(f"{__name__}.{self.name}")
        return Stage(config=module.StageConfig, run=module.run)


def _is_in_memory(recipe: Mapping[str, Any]) -> bool:
    """Whether whom a recipe asks is not served elsewhere."""
    return not recipe.get("url")


def _is_measured_in_memory(recipe: Mapping[str, Any]) -> bool:
    # The speed is the engine's, wherever that is.
    return _is_in_memory(recipe) and bool(recipe.get("tasks") or recipe.get("texts"))


#: All stages, in the order in which a model goes through them.
STAGES: Final = {
    stage.name: stage
    for stage in (
        StageName(
            "tokenizer",
            "train a byte-level BPE tokenizer, and compare how well it compresses",
            """\
stage = "tokenizer"
files = ["corpus.jsonl"]
vocabulary_size = 32768
""",
        ),
        StageName(
            "distill",
            "have a larger model answer prompts, for a smaller one to learn from its replies",
            """\
stage = "distill"
url = "http://127.0.0.1:8000/v1"
model = "large"
licence = "Apache-2.0"
[[sources]]
path = "prompts.jsonl"
licence = "CC0-1.0"
""",
            trains=_is_in_memory,
        ),
        StageName(
            "data",
            "validate, clean, split and encode records, once for any number of runs",
            """\
stage = "data"
tokenizer = "default"
[[sources]]
path = "chats.jsonl"
licence = "CC-BY-4.0"
""",
        ),
        StageName(
            "pretrain",
            "train a model from nothing on texts",
            """\
stage = "pretrain"
data = "texts"
tokenizer = "bpe"
architecture = { depth = 12 }
[training]
steps = 1000
""",
        ),
        StageName(
            "sft",
            "teach a model from conversations: supervised fine-tuning, whole or as LoRA",
            """\
stage = "sft"
model = "default"
data = "chats"
[training]
steps = 200
""",
        ),
        StageName(
            "prefer",
            "teach a model what people prefer: DPO from pairs, KTO from thumbs",
            """\
stage = "prefer"
model = "tuned"
data = "thumbs"
adapter = { rank = 16 }
[training]
steps = 100
""",
        ),
        StageName(
            "reinforce",
            "have a model try, and learn from rewards that a program gives: GRPO",
            """\
stage = "reinforce"
model = "tuned"
task = "arithmetic-2"
[training]
steps = 50
""",
        ),
        StageName(
            "evaluate",
            "measure a model, or whatever answers OpenAI's protocol, with intervals",
            """\
stage = "evaluate"
model = "tuned"
tasks = ["arithmetic-2", "instructions", "safety:harmless"]
""",
            trains=_is_measured_in_memory,
        ),
        StageName(
            "export",
            "write a model as GGUF for the engine, or as safetensors",
            """\
stage = "export"
model = "tuned"
quantisation = "Q8_0"
""",
        ),
        StageName("gate", "measure an artifact against what is served, by the gate's policy", trains=False),
    )
}
