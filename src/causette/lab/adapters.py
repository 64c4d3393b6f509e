"""Low-rank adapters (LoRA, arXiv 2106.09685) in place of training all weights."""

import warnings
from typing import Annotated, cast

from msgspec import Meta
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from causette.lab.recipes import Config


class AdapterConfig(Config, frozen=True):
    """The rank of the adapters and their weight; they want about ten times the learning rate of all weights."""

    rank: Annotated[int, Meta(ge=1)] = 16
    #: What their product is multiplied by, before it is divided by the rank.
    alpha: Annotated[int, Meta(ge=1)] = 32
    dropout: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0


def adapt(model: PreTrainedModel, config: AdapterConfig) -> PeftModel:
    """Freeze ``model``, and put an adapter that does nothing yet beside each of its linear layers, in place.

    What is given back is for saving the adapter; ``model`` is what is trained.
    """
    adapter = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft asks transformers by a name that is going out of use; whoever trains can do nothing about it.
        warnings.simplefilter("ignore", FutureWarning)
        return cast("PeftModel", get_peft_model(model, adapter))
