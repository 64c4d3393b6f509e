"""The parts of a causal language model, with the types that ``transformers`` leaves out."""

from typing import cast

from torch import Tensor, nn
from transformers import PreTrainedModel


def decoder_of(model: PreTrainedModel) -> nn.Module:
    """All but the head: from tokens to the last hidden states."""
    return cast("nn.Module", model.get_decoder())


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """The decoder's layers."""
    layers = decoder_of(model).layers
    assert isinstance(layers, nn.ModuleList)
    return layers


def head_of(model: PreTrainedModel) -> nn.Module:
    """From hidden states to logits."""
    head = cast("nn.Module | None", model.get_output_embeddings())
    assert head is not None
    return head


def embedding_of(model: PreTrainedModel) -> Tensor:
    """The weights of the tokens, one row each."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight
