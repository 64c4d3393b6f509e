"""What the weights of a Llama are called in GGUF and in ``transformers``, and how their rows are ordered."""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WHOLE: Final = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_OF_LAYER: Final = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def names(layers: int, *, tied: bool) -> dict[str, str]:
    """All tensors of a Llama of so many layers: the name in GGUF to that in ``transformers``, in a file's order.

    ``tied``: the embeddings are the output's weights too, and stored once.
    """
    whole = {ours: theirs for ours, theirs in _WHOLE.items() if not (tied and ours == "output.weight")}
    return whole | {
        f"blk.{layer}.{ours}.weight": f"model.layers.{layer}.{theirs}.weight"
        for layer in range(layers)
        for ours, theirs in _OF_LAYER.items()
    }


def rotated_heads(name: str, *, heads: int, key_heads: int) -> int | None:
    """How many heads' rows the GGUF tensor ``name`` holds in rotary order; None for those that do not turn."""
    if (part := re.fullmatch(r"blk\.\d+\.attn_([qk])\.weight", name)) is None:
        return None
    return heads if part[1] == "q" else key_heads


def interleaved(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF's order of the rows of a query's or key's projection, from ``transformers``' order.

    The rotary embedding (Su et al., arXiv 2104.09864) turns pairs of numbers. GGUF keeps a pair in neighbouring rows
    of a head, ``transformers`` half a head apart. Shape in and out: (heads * head size, inputs).
    """
    return rows.reshape(heads, 2, -1, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)


def halved(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """``transformers``' order from GGUF's: what undoes `interleaved`."""
    return rows.reshape(heads, -1, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)
