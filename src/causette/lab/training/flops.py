"""How much arithmetic a token takes, and what a device could do at most: MFU (arXiv 2204.02311, appendix B)."""

from time import perf_counter
from typing import Final

import torch
from torch import Tensor
from transformers import PreTrainedModel

from causette.lab.anatomy import embedding_of, head_of

# Dense bf16 FLOP/s without sparsity, from the makers' data sheets.
_PEAKS: Final = {
    "H200": 989e12,
    "H100": 989e12,
    "GH200": 989e12,
    "B200": 2250e12,
    "A100": 312e12,
    "L40S": 362e12,
    "RTX 4090": 165e12,
    "L4": 121e12,
}


def flops_a_token(model: PreTrainedModel, length: int) -> float:
    """Floating-point operations of the forward and the backward pass for one token of a sequence of ``length``.

    Six for each parameter, four for one that is frozen, of which no gradient is computed, and the attention's
    12 · layers · hidden · length, halved since it is causal.
    """
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    multiplied = sum((6 if each.requires_grad else 4) * each.numel() for each in _parameters_of(model))
    return multiplied + 6 * config.num_hidden_layers * width * length


def _parameters_of(model: PreTrainedModel) -> list[Tensor]:
    """The parameters that every token is multiplied by: all but the input embedding, unless it is the output's too."""
    embedding = embedding_of(model)
    tied = head_of(model).weight is embedding
    return [each for each in model.parameters() if tied or each is not embedding]


def peak_flops(device: torch.device) -> tuple[float, str]:
    """The most FLOP/s that ``device`` can do (in bfloat16; a processor in float32), and where the figure is from.

    Of a device without a known data sheet it is what a large matrix product reaches, in a quarter of a second.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        # The longest name first: an H100 is not a GH200.
        for known in sorted(_PEAKS, key=len, reverse=True):
            if known in name:
                return _PEAKS[known], f"{known}, bf16, data sheet"
    size, reached = 1024, 0.0
    # Of their own: the random numbers of whoever trains go on from where a checkpoint has left them.
    chance = torch.Generator(device)
    left, right = (torch.randn(size, size, device=device, generator=chance) for _ in range(2))
    began = perf_counter()
    while perf_counter() - began < 0.25:
        start = perf_counter()
        torch.mm(left, right)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        reached = max(reached, 2 * size**3 / (perf_counter() - start))
    return reached, f"measured product of {size}×{size} float32 matrices"
