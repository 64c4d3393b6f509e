"""``causette lab pretrain``: a model from nothing, of any architecture that ``transformers`` has.

``depth`` alone chooses a sensible Llama, as nanochat's dial does: 64 channels and one head of 64 for each layer.
"""

from typing import Annotated, Any, Final, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from msgspec import Meta, field
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, PreTrainedModel

from causette.errors import ConfigurationError
from causette.lab.chat import ChatTokenizer
from causette.lab.data import Packed
from causette.lab.models import Base, find_chat
from causette.lab.packets import PackedRows, held_out_loss, next_token
from causette.lab.recipes import Config
from causette.lab.stages.training import carry_out, check_data
from causette.lab.stages.workbench import Workbench
from causette.lab.training.config import Positive, TrainingConfig
from causette.lab.types import Artifact, Events

_HEAD: Final = 64
_DEPTH: Final = 12
# Deeper ones have a head of their own: their embedding is a small part of them.
_TIED_UP_TO: Final = 16


class ArchitectureConfig(Config, frozen=True):
    """The dial, or an architecture with settings of its own."""

    #: Layers of a Llama; the width follows. 12 where nothing else is said.
    depth: Annotated[int, Meta(ge=1, le=256)] | None = None
    #: What ``transformers`` calls the architecture (``llama``, ``qwen3``…), and fields of its configuration.
    kind: str = "llama"
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


class StageConfig(Config, frozen=True):
    """What is read, and what is made of it."""

    data: str
    #: The tokenizer that the data was prepared with.
    tokenizer: str
    training: TrainingConfig
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    #: Tokens of a row.
    length: Positive = 1024


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Train it. The same seed gives the same weights to begin with."""
    tokenizer = find_chat(config.tokenizer, workbench.find)
    data, held_out = workbench.data(config.data)
    check_data(data, tokenizer, "text")
    place, training = workbench.place, config.training
    torch.manual_seed(training.seed)
    architecture = architecture_of(config, tokenizer)
    made = cast("Any", AutoModelForCausalLM).from_config(architecture, attn_implementation="sdpa")
    model = cast("PreTrainedModel", made.to(place.device))
    events.note(f"{sum(each.numel() for each in model.parameters()):,} parameters")
    packed = Packed(
        data,
        length=config.length,
        batch=training.batch,
        seed=training.seed,
        rank=place.rank,
        world=place.world,
    )
    return carry_out(
        Base(model=model, tokenizer=tokenizer, gguf=None),
        next_token,
        PackedRows(packed, accumulate=training.accumulate, place=place),
        training,
        events,
        workbench,
        began_as=None,
        measure=held_out_loss(model, held_out, length=config.length, batch=training.batch, place=place),
    )


def architecture_of(config: StageConfig, tokenizer: ChatTokenizer) -> PreTrainedConfig:
    """The architecture that a recipe asks for.

    Raises:
        ConfigurationError: ``transformers`` has no such architecture, or does not take its settings.
    """
    wanted, inner = config.architecture, tokenizer.tokenizer
    settings: dict[str, Any] = {
        "vocab_size": len(inner),
        "max_position_embeddings": config.length,
        "bos_token_id": tokenizer.end_of_text_id,
        "eos_token_id": tokenizer.end_id,
        "pad_token_id": inner.pad_token_id,
    }
    if wanted.kind == "llama":
        settings |= _of_depth(wanted.depth or _DEPTH)
    elif wanted.depth is not None:
        raise ConfigurationError(
            f"A depth chooses a Llama; of the architecture {wanted.kind!r} name the sizes under settings.",
            param="architecture.depth",
        )
    try:
        # transformers keeps what it does not know, and does nothing with it.
        known = AutoConfig.for_model(wanted.kind)
        if unknown := [name for name in wanted.settings if not hasattr(known, name)]:
            raise ConfigurationError(
                f"The architecture {wanted.kind!r} has no {' and no '.join(unknown)}.",
                param="architecture.settings",
            )
        return AutoConfig.for_model(wanted.kind, **(settings | wanted.settings))
    except (ValueError, TypeError, StrictDataclassError) as error:
        raise ConfigurationError(
            f"The architecture {wanted.kind!r} cannot be made: {error}.", param="architecture"
        ) from error


def llama_of(depth: int, *, vocabulary: int, length: int) -> LlamaConfig:
    """The Llama that the dial chooses, for this many words and tokens of a row."""
    return LlamaConfig(vocab_size=vocabulary, max_position_embeddings=length, **_of_depth(depth))


def _of_depth(depth: int) -> dict[str, Any]:
    width = _HEAD * depth
    # Of SwiGLU's three matrices, which together have as many weights as two of four times the width.
    inner = -(-8 * width // 3 // _HEAD) * _HEAD
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": depth,
        "num_attention_heads": depth,
        "num_key_value_heads": depth // _sharing(depth),
        "head_dim": _HEAD,
        "tie_word_embeddings": depth <= _TIED_UP_TO,
    }


def _sharing(depth: int) -> int:
    """Heads that share their keys and values: three, or two, or one."""
    return next(groups for groups in (3, 2, 1) if depth % groups == 0)
