"""``causette lab export``: a model for those who serve it."""

from typing import Literal

from transformers import LlamaForCausalLM

from causette.errors import ConfigurationError
from causette.lab.gguf import Quantisation, write_gguf
from causette.lab.models import load_base
from causette.lab.recipes import Config
from causette.lab.stages import GGUF_FILE
from causette.lab.stages.workbench import Workbench
from causette.lab.types import Artifact, Events
from causette.lab.weights import write_safetensors


class StageConfig(Config, frozen=True):
    """Which model, and how it is written. An adapter is added to its weights."""

    model: str
    format: Literal["gguf", "safetensors"] = "gguf"
    #: Of GGUF's matrices: F16 loses next to nothing, Q8_0 little, four bits some.
    quantisation: Quantisation = "Q8_0"


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Write it."""
    # How far either is nobody tells; a bar says that it is at work.
    events.progress(0, 1, "models loaded")
    base = load_base(config.model, workbench.find)
    events.progress(1, 1, "models loaded")
    if not isinstance(base.model, LlamaForCausalLM):
        kind = base.model.config.model_type
        raise ConfigurationError(
            f"Models of the architecture {kind} are not exported; llama is.", param="model"
        )
    tokenizer = base.tokenizer.tokenizer
    if config.format == "safetensors":
        events.progress(0, 1, "models written")
        write_safetensors(base.model, tokenizer, workbench.artifact)
        events.progress(1, 1, "models written")
        size = sum(file.stat().st_size for file in workbench.artifact.iterdir())
    else:
        path = workbench.artifact / GGUF_FILE
        write_gguf(
            base.model,
            tokenizer,
            path,
            quantisation=config.quantisation,
            base=base.gguf,
            on_tensor=lambda done, total: events.progress(done, total, "tensors"),
        )
        size = path.stat().st_size
    events.note(f"{size / 1e6:,.1f} MB in {workbench.artifact}")
    return Artifact(kind="export", path=workbench.artifact, metrics={"bytes": size})
